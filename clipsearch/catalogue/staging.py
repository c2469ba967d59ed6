"""Embeddings of another tower, laid beside those of the present one until they take their place.

They stand in a table of their own, one row an image, in the catalogue's own file: so what is
known of an image stays where it is, an image that is removed takes its staged row with it, and
the switch is one transaction. Each function works inside the caller's transaction.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

from sqlalchemy import Connection

from clipsearch.catalogue import reading, writing
from clipsearch.catalogue.catalogue import Indexed
from clipsearch.catalogue.connections import Reading
from clipsearch.catalogue.rows import embedding_bytes, embeddings_from, path_from
from clipsearch.values import Embeddings, Ids, TowerIdentity

CHUNK = 5_000
TARGET = "migrating_to"
"""The fact that names the tower whose embeddings are staged."""

_TABLE = """
CREATE TABLE IF NOT EXISTS next_embeddings (
    image_id INTEGER NOT NULL PRIMARY KEY REFERENCES images (id) ON DELETE CASCADE,
    embedding BLOB NOT NULL)
"""
_UNSTAGED = "NOT EXISTS (SELECT 1 FROM next_embeddings AS n WHERE n.image_id = images.id)"


@dataclass(frozen=True, slots=True)
class Unstaged:
    """An image without an embedding of the new tower yet, and the files that hold it."""

    image_id: int
    fingerprint: bytes
    paths: tuple[Path, ...]


def target(connection: Reading) -> TowerIdentity | None:
    """The tower of an unfinished migration; None where none was begun."""
    held = reading.fact(connection, TARGET)
    return TowerIdentity(**json.loads(held)) if held else None


def begin(connection: Connection, tower: TowerIdentity) -> None:
    """Make room for the embeddings of a tower; what is staged already stays."""
    connection.exec_driver_sql(_TABLE)
    writing.set_fact(connection, TARGET, json.dumps(asdict(tower)))


def abandon(connection: Connection) -> None:
    """Forget all that is staged."""
    connection.exec_driver_sql("DROP TABLE IF EXISTS next_embeddings")
    connection.exec_driver_sql("DELETE FROM facts WHERE key = ?", (TARGET,))


def stage(connection: Connection, image_ids: Sequence[int], embeddings: Embeddings) -> None:
    """Put in the embeddings [n, d] of n images; one that was removed meanwhile is passed over."""
    rows = [
        (image_id, embedding_bytes(embedding), image_id)
        for image_id, embedding in zip(image_ids, embeddings, strict=True)
    ]
    connection.exec_driver_sql(
        "INSERT OR REPLACE INTO next_embeddings (image_id, embedding) "
        "SELECT ?, ? WHERE EXISTS (SELECT 1 FROM images WHERE id = ?)",
        rows,
    )


def count_staged(connection: Reading) -> int:
    """How many images have an embedding of the new tower."""
    return int(connection.exec_driver_sql("SELECT count(*) FROM next_embeddings").scalar_one())


def unstaged_after(connection: Connection, image_id: int) -> list[Unstaged]:
    """Images with a larger id that have no new embedding yet, in the order of ids: a chunk."""
    rows = connection.exec_driver_sql(
        f"SELECT id, fingerprint FROM images WHERE id > ? AND {_UNSTAGED} "
        f"ORDER BY id LIMIT {CHUNK}",
        (image_id,),
    ).all()
    if not rows:
        return []
    paths: dict[int, list[Path]] = {row.id: [] for row in rows}
    query = "SELECT image_id, path FROM files WHERE image_id BETWEEN ? AND ? ORDER BY path"
    for row in connection.exec_driver_sql(query, (rows[0].id, rows[-1].id)):
        if row.image_id in paths:
            paths[row.image_id].append(path_from(row.path))
    return [Unstaged(row.id, row.fingerprint, tuple(paths[row.id])) for row in rows]


def staged_after(connection: Connection, image_id: int, dim: int) -> tuple[Ids, Embeddings]:
    """Staged embeddings of larger ids, in their order: int64 [n], float32 [n, dim], a chunk."""
    rows = connection.exec_driver_sql(
        "SELECT image_id, embedding FROM next_embeddings WHERE image_id > ? "
        f"ORDER BY image_id LIMIT {CHUNK}",
        (image_id,),
    ).all()
    return reading.as_arrays(rows, dim, embeddings_from)


def drop_images(connection: Connection, image_ids: Iterable[int]) -> None:
    """Take images out, with all that is known of them."""
    rest: Iterator[int] = iter(image_ids)
    while part := [(image_id,) for image_id in islice(rest, CHUNK)]:
        connection.exec_driver_sql("DELETE FROM images WHERE id = ?", part)


def switch(connection: Connection, tower: TowerIdentity) -> None:
    """Let the staged embeddings take the place of the present ones.

    The caller sees to it that every image has one, and names the new index in the very same
    transaction. Embeddings of captions were the old tower's: they go, and their index is named
    no more.
    """
    connection.exec_driver_sql("DROP TABLE embeddings")
    connection.exec_driver_sql("ALTER TABLE next_embeddings RENAME TO embeddings")
    connection.exec_driver_sql("UPDATE captions SET embedding = NULL WHERE embedding IS NOT NULL")
    writing.set_fact(connection, "tower", json.dumps(asdict(tower)))
    gone = [(TARGET,), (Indexed.CAPTIONS,)]
    connection.exec_driver_sql("DELETE FROM facts WHERE key = ?", gone)
