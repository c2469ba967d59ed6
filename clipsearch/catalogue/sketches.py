"""Sketches of pictures in the catalogue, and what else is asked of images to compare them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from clipsearch.catalogue.connections import Reading
from clipsearch.catalogue.reading import AMONG, CHUNK, listed
from clipsearch.catalogue.rows import path_from
from clipsearch.values import FoundFile, Ids

if TYPE_CHECKING:
    from sqlalchemy import Connection

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


def count_unsketched(connection: Reading) -> int:
    """How many images that lie in files have no sketch yet."""
    query = (
        "SELECT count(DISTINCT image_id) FROM files AS f "
        "WHERE NOT EXISTS (SELECT 1 FROM sketches AS s WHERE s.image_id = f.image_id)"
    )
    return int(connection.exec_driver_sql(query).scalar_one())


def unsketched(connection: Reading) -> Iterator[Held]:
    """The images that lie in files and have no sketch yet, in the order of ids."""
    last = 0
    query = (
        "SELECT id FROM images AS i WHERE id > ? "
        "AND NOT EXISTS (SELECT 1 FROM sketches AS s WHERE s.image_id = i.id) ORDER BY id LIMIT ?"
    )
    while True:
        ids = connection.exec_driver_sql(query, (last, CHUNK)).scalars().all()
        if not ids:
            return
        held = held_images(connection, ids)
        yield from (held[image_id] for image_id in ids if held[image_id].files)
        last = ids[-1]


def put_sketches(connection: Connection, rows: Iterable[tuple[int, Sketches]]) -> None:
    """Put in the sketches of images, uint8 [32, 32], inside the caller's transaction."""
    values = [(image_id, sketch.tobytes()) for image_id, sketch in rows]
    if values:
        statement = "INSERT INTO sketches (image_id, sketch) VALUES (?, ?) ON CONFLICT DO NOTHING"
        connection.exec_driver_sql(statement, values)


def all_sketches(connection: Reading, side: int) -> tuple[Ids, Sketches]:
    """Every sketch of an image that lies in a file: int64 [n] ascending, uint8 [n, side, side]."""
    query = (
        "SELECT image_id, sketch FROM sketches AS s "
        "WHERE EXISTS (SELECT 1 FROM files AS f WHERE f.image_id = s.image_id) ORDER BY image_id"
    )
    found = iter(connection.exec_driver_sql(query))
    ids: list[int] = []
    greys = bytearray()
    while rows := list(islice(found, CHUNK)):
        whole = [row for row in rows if len(row.sketch) == side * side]
        ids += [row.image_id for row in whole]
        greys += b"".join(row.sketch for row in whole)
    return np.array(ids, np.int64), np.frombuffer(greys, np.uint8).reshape(len(ids), side, side)


def images_in_several_files(connection: Reading) -> list[int]:
    """The ids of images that more than one file holds, ascending."""
    query = "SELECT image_id FROM files GROUP BY image_id HAVING count(*) > 1 ORDER BY image_id"
    return list(connection.exec_driver_sql(query).scalars())


def held_images(connection: Reading, ids: Iterable[int]) -> dict[int, Held]:
    """Those of the images that stand in the catalogue, with their files in the order of paths."""
    found: dict[int, Held] = {}
    each = iter(ids)
    while part := [int(image_id) for image_id in islice(each, CHUNK)]:
        places = _files_of(connection, part)
        query = (
            "SELECT id, fingerprint, width, height, bytes, notes, "
            "camera IS NOT NULL OR taken IS NOT NULL AS told "
            f"FROM images WHERE id {AMONG}"
        )
        for row in connection.exec_driver_sql(query, listed(part)):
            animated = "first_frame_of_many" in json.loads(row.notes)
            found[row.id] = Held(
                *(row.id, row.fingerprint, row.width, row.height, row.bytes, animated),
                bool(row.told),
                tuple(sorted(places[row.id], key=lambda file: file.path)),
            )
    return found


def _files_of(connection: Reading, part: Sequence[int]) -> defaultdict[int, list[FoundFile]]:
    query = f"SELECT image_id, path, size, mtime_ns FROM files WHERE image_id {AMONG}"
    places: defaultdict[int, list[FoundFile]] = defaultdict(list)
    for row in connection.exec_driver_sql(query, listed(part)):
        places[row.image_id].append(FoundFile(Path(path_from(row.path)), row.size, row.mtime_ns))
    return places
