"""The embeddings of captions: which stand, which are still to be made.

A caption's id is never given twice and its text never changes, so its embedding does not either,
until a migration makes all anew. An embedding of no bytes is that of a text the collection's
tower cannot read: it is not asked again, and never found.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from clipsearch.catalogue.connections import Reading
from clipsearch.catalogue.rows import embedding_bytes, embeddings_from
from clipsearch.values import Embeddings, Ids

if TYPE_CHECKING:
    from sqlalchemy import Connection

CHUNK = 5_000
_WITHOUT = "(embedding IS NULL OR embedding = x'')"
_ROWS = "SELECT id, image_id, embedding FROM captions"


@dataclass(frozen=True, slots=True, eq=False)
class CaptionRows:
    """Captions with an embedding, ids ascending: int64 [n], int64 [n], float32 [n, dim]."""

    ids: Ids
    image_ids: Ids
    embeddings: Embeddings

    def __len__(self) -> int:
        return len(self.ids)

    def of_images(self, allowed: Ids | None) -> CaptionRows:
        """Those whose image is allowed; all where everything is."""
        if allowed is None:
            return self
        kept = np.isin(self.image_ids, allowed)
        return CaptionRows(self.ids[kept], self.image_ids[kept], self.embeddings[kept])


def captions_after(connection: Reading, caption_id: int, dim: int) -> CaptionRows:
    """The next captions with a larger id, few enough to keep memory flat."""
    query = f"{_ROWS} WHERE id > ? AND length(embedding) > 0 ORDER BY id LIMIT {CHUNK}"
    return _as_rows(connection.exec_driver_sql(query, (caption_id,)).all(), dim)


def caption_chunks(connection: Reading, caption_id: int, dim: int) -> Iterator[CaptionRows]:
    """All captions with a larger id, chunk by chunk."""
    while len(rows := captions_after(connection, caption_id, dim)):
        yield rows
        caption_id = int(rows.ids[-1])


def captions_of(connection: Reading, caption_ids: Sequence[int], dim: int) -> CaptionRows:
    """Those of `caption_ids` that stand in the catalogue and have an embedding."""
    found: list[Any] = []
    for part in _parts(sorted(set(caption_ids))):
        marks = ", ".join("?" * len(part))
        query = f"{_ROWS} WHERE id IN ({marks}) AND length(embedding) > 0 ORDER BY id"
        found += connection.exec_driver_sql(query, tuple(part)).all()
    return _as_rows(found, dim)


def captioned_images(connection: Reading, caption_ids: Sequence[int]) -> list[int]:
    """The ids of the images that those captions are of, ascending."""
    found: set[int] = set()
    for part in _parts(caption_ids):
        marks = ", ".join("?" * len(part))
        query = f"SELECT image_id FROM captions WHERE id IN ({marks})"
        found.update(connection.exec_driver_sql(query, tuple(part)).scalars())
    return sorted(found)


def caption_ids_of(connection: Reading, image_ids: Ids) -> Ids:
    """The ids of all captions of those images, ascending."""
    found: list[int] = []
    for part in _parts(image_ids.tolist()):
        marks = ", ".join("?" * len(part))
        query = f"SELECT id FROM captions WHERE image_id IN ({marks})"
        found += connection.exec_driver_sql(query, tuple(part)).scalars().all()
    return np.array(sorted(found), dtype=np.int64)


def count_embedded(connection: Reading) -> int:
    """How many captions can be found."""
    query = (
        f"SELECT (SELECT count(*) FROM captions) - (SELECT count(*) FROM captions WHERE {_WITHOUT})"
    )
    return int(connection.exec_driver_sql(query).scalar_one())


def count_by_source(connection: Reading) -> dict[str, int]:
    """How many captions and lists of keywords each source gave, by name."""
    query = "SELECT source, count(*) AS held FROM captions GROUP BY source ORDER BY source"
    return {row.source: int(row.held) for row in connection.exec_driver_sql(query)}


def newest_embedded(connection: Reading) -> int:
    """The largest id of a caption that can be found; 0 if there is none."""
    query = "SELECT id FROM captions WHERE length(embedding) > 0 ORDER BY id DESC LIMIT 1"
    return int(connection.exec_driver_sql(query).scalar() or 0)


def count_unembedded(connection: Reading) -> int:
    """How many captions wait for the collection's tower."""
    query = "SELECT count(*) FROM captions WHERE embedding IS NULL"
    return int(connection.exec_driver_sql(query).scalar_one())


def unembedded(connection: Reading, count: int) -> list[tuple[int, str]]:
    """The first captions that wait for the collection's tower: id and text."""
    query = "SELECT id, text FROM captions WHERE embedding IS NULL ORDER BY id LIMIT ?"
    return [(row.id, row.text) for row in connection.exec_driver_sql(query, (count,))]


def put_embeddings(
    connection: Connection, caption_ids: Sequence[int], embeddings: Sequence[Embeddings | None]
) -> None:
    """Write the embedding [dim] of each caption; None where the tower cannot read its text."""
    rows = [
        (b"" if embedding is None else embedding_bytes(embedding), caption_id)
        for caption_id, embedding in zip(caption_ids, embeddings, strict=True)
    ]
    if rows:
        connection.exec_driver_sql("UPDATE captions SET embedding = ? WHERE id = ?", rows)


def _as_rows(rows: Sequence[Any], dim: int) -> CaptionRows:
    return CaptionRows(
        np.array([row.id for row in rows], dtype=np.int64),
        np.array([row.image_id for row in rows], dtype=np.int64),
        embeddings_from([row.embedding for row in rows], dim),
    )


def _parts(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), CHUNK):
        yield [int(each) for each in ids[start : start + CHUNK]]
