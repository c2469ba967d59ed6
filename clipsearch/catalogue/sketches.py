"""Sketches of pictures in the catalogue, and what else is asked of images to compare them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, func, select
from sqlalchemy.dialects.sqlite import insert

from clipsearch.catalogue.reading import CHUNK
from clipsearch.catalogue.rows import path_from
from clipsearch.catalogue.schema import files, images, sketches
from clipsearch.values import FoundFile, Ids

Sketches = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Held:
    """An image with the files that hold it, as they were when they were indexed.

    `tells_of_taking` says that its metadata name a camera or when it was taken.
    """

    image_id: int
    fingerprint: bytes
    width: int
    height: int
    bytes: int
    animated: bool
    tells_of_taking: bool
    files: tuple[FoundFile, ...]


def count_unsketched(connection: Connection) -> int:
    """How many images that lie in files have no sketch yet."""
    query = select(func.count(files.c.image_id.distinct()))
    missing = ~select(sketches.c.image_id).where(sketches.c.image_id == files.c.image_id).exists()
    return int(connection.scalar(query.where(missing)) or 0)


def unsketched(connection: Connection) -> Iterator[Held]:
    """The images that lie in files and have no sketch yet, in the order of ids."""
    last = 0
    missing = ~select(sketches.c.image_id).where(sketches.c.image_id == images.c.id).exists()
    while True:
        query = select(images.c.id).where(images.c.id > last, missing)
        ids = connection.scalars(query.order_by(images.c.id).limit(CHUNK)).all()
        if not ids:
            return
        held = held_images(connection, ids)
        yield from (held[image_id] for image_id in ids if held[image_id].files)
        last = ids[-1]


def put_sketches(connection: Connection, rows: Iterable[tuple[int, Sketches]]) -> None:
    """Put in the sketches of images, uint8 [32, 32], inside the caller's transaction."""
    values = [{"image_id": image_id, "sketch": sketch.tobytes()} for image_id, sketch in rows]
    if values:
        connection.execute(insert(sketches).on_conflict_do_nothing(), values)


def all_sketches(connection: Connection, side: int) -> tuple[Ids, Sketches]:
    """Every sketch of an image that lies in a file: int64 [n] ascending, uint8 [n, side, side]."""
    in_file = select(files.c.image_id).where(files.c.image_id == sketches.c.image_id).exists()
    query = select(sketches).where(in_file).order_by(sketches.c.image_id)
    found = connection.execute(query)
    ids: list[int] = []
    greys = bytearray()
    while rows := found.fetchmany(CHUNK):
        whole = [row for row in rows if len(row.sketch) == side * side]
        ids += [row.image_id for row in whole]
        greys += b"".join(row.sketch for row in whole)
    return np.array(ids, np.int64), np.frombuffer(greys, np.uint8).reshape(len(ids), side, side)


def images_in_several_files(connection: Connection) -> list[int]:
    """The ids of images that more than one file holds, ascending."""
    query = select(files.c.image_id).group_by(files.c.image_id).having(func.count() > 1)
    return list(connection.scalars(query.order_by(files.c.image_id)))


def held_images(connection: Connection, ids: Iterable[int]) -> dict[int, Held]:
    """Those of the images that stand in the catalogue, with their files in the order of paths."""
    found: dict[int, Held] = {}
    each = iter(ids)
    while part := [int(image_id) for image_id in islice(each, CHUNK)]:
        places = _files_of(connection, part)
        columns: tuple[ColumnElement[Any], ...]
        columns = images.c.id, images.c.fingerprint, images.c.width, images.c.height
        told = images.c.camera.is_not(None) | images.c.taken.is_not(None)
        columns += images.c.bytes, images.c.notes, told.label("told")
        query = select(*columns).where(images.c.id.in_(part))
        for row in connection.execute(query):
            animated = "first_frame_of_many" in json.loads(row.notes)
            found[row.id] = Held(
                *(row.id, row.fingerprint, row.width, row.height, row.bytes, animated),
                bool(row.told),
                tuple(sorted(places[row.id], key=lambda file: file.path)),
            )
    return found


def _files_of(connection: Connection, part: Sequence[int]) -> defaultdict[int, list[FoundFile]]:
    query = select(files.c.image_id, files.c.path, files.c.size, files.c.mtime_ns)
    places: defaultdict[int, list[FoundFile]] = defaultdict(list)
    row: Any
    for row in connection.execute(query.where(files.c.image_id.in_(part))):
        places[row.image_id].append(FoundFile(Path(path_from(row.path)), row.size, row.mtime_ns))
    return places
