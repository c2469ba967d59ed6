"""Everything that a catalogue holds of its images, in chunks, for other programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection, func, select

from clipsearch.catalogue import reading
from clipsearch.catalogue.rows import embeddings_from, path_from
from clipsearch.catalogue.schema import captions, files, images
from clipsearch.values import Embeddings, FoundFile, Image


@dataclass(frozen=True, slots=True)
class OutgoingImage:
    """An image with its files as they were when they were read, and whether it stays without."""

    image: Image
    files: tuple[FoundFile, ...]
    kept: bool


@dataclass(frozen=True, slots=True)
class OutgoingChunk:
    """Images in the order of ids with their embeddings, float32 [n, dim].

    `text_embeddings` [n, dim] are those of each image's first caption, 0 throughout where it
    has none.
    """

    images: list[OutgoingImage]
    embeddings: Embeddings
    text_embeddings: Embeddings


def outgoing_chunks(connection: Connection, dim: int) -> Iterator[OutgoingChunk]:
    """Every image that can be found, in chunks few enough to keep memory flat."""
    last = 0
    while True:
        ids, rows = reading.embedding_chunk(connection, last, dim)
        if not len(ids):
            return
        wanted = ids.tolist()
        found = reading.images_of(connection, wanted)
        held, kept = _files(connection, wanted), _kept(connection, wanted)
        chunk = [OutgoingImage(found[one], tuple(held.get(one, ())), one in kept) for one in wanted]
        yield OutgoingChunk(chunk, rows, _text_embeddings(connection, wanted, dim))
        last = wanted[-1]


def any_text_embedding(connection: Connection) -> bool:
    """Whether any caption was embedded."""
    query = select(captions.c.id).where(func.length(captions.c.embedding) > 0).limit(1)
    return connection.scalar(query) is not None


def _text_embeddings(connection: Connection, ids: Sequence[int], dim: int) -> Embeddings:
    query = (
        select(captions.c.image_id, captions.c.embedding)
        .where(captions.c.image_id.in_(ids), captions.c.kind == "caption")
        .order_by(captions.c.id.desc())
    )
    first = {row.image_id: row.embedding for row in connection.execute(query)}
    nothing = np.zeros(dim, "<f4").tobytes()
    return embeddings_from([first.get(image_id) or nothing for image_id in ids], dim)


def _files(connection: Connection, ids: Sequence[int]) -> dict[int, list[FoundFile]]:
    query = select(files).where(files.c.image_id.in_(ids)).order_by(files.c.path)
    found: dict[int, list[FoundFile]] = {}
    for row in connection.execute(query):
        file = FoundFile(path_from(row.path), row.size, row.mtime_ns)
        found.setdefault(row.image_id, []).append(file)
    return found


def _kept(connection: Connection, ids: Sequence[int]) -> set[int]:
    query = select(images.c.id).where(images.c.id.in_(ids), images.c.kept == 1)
    return set(connection.scalars(query))
