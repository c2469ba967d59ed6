"""Everything that a catalogue holds of its images, in chunks, for other programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from clipsearch.catalogue import reading
from clipsearch.catalogue.connections import Reading
from clipsearch.catalogue.reading import AMONG, listed
from clipsearch.catalogue.rows import embeddings_from, path_from
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


def outgoing_chunks(connection: Reading, dim: int) -> Iterator[OutgoingChunk]:
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


def any_text_embedding(connection: Reading) -> bool:
    """Whether any caption was embedded."""
    query = "SELECT id FROM captions WHERE length(embedding) > 0 LIMIT 1"
    return connection.exec_driver_sql(query).first() is not None


def _text_embeddings(connection: Reading, ids: Sequence[int], dim: int) -> Embeddings:
    query = (
        f"SELECT image_id, embedding FROM captions WHERE image_id {AMONG} AND kind = 'caption' "
        "ORDER BY id DESC"
    )
    rows = connection.exec_driver_sql(query, listed(ids))
    first = {row.image_id: row.embedding for row in rows}
    nothing = np.zeros(dim, "<f4").tobytes()
    return embeddings_from([first.get(image_id) or nothing for image_id in ids], dim)


def _files(connection: Reading, ids: Sequence[int]) -> dict[int, list[FoundFile]]:
    query = f"SELECT * FROM files WHERE image_id {AMONG} ORDER BY path"
    found: dict[int, list[FoundFile]] = {}
    for row in connection.exec_driver_sql(query, listed(ids)):
        file = FoundFile(path_from(row.path), row.size, row.mtime_ns)
        found.setdefault(row.image_id, []).append(file)
    return found


def _kept(connection: Reading, ids: Sequence[int]) -> set[int]:
    query = f"SELECT id FROM images WHERE id {AMONG} AND kept = 1"
    return set(connection.exec_driver_sql(query, listed(ids)).scalars())
