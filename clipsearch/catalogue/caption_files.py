"""The files that captions were read from: what they say now takes the place of what they said.

A caption that a file still says, of the same source, keeps its row, its id and its embedding. What
a person, a program or a model said in the collection belongs to no file, and is never touched here.
Each function works inside the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

from sqlalchemy import Connection

from clipsearch.catalogue.connections import Reading
from clipsearch.catalogue.rows import path_bytes, path_from, storable
from clipsearch.values import Caption, FoundFile

CHUNK = 500
Kind = Literal["sidecar", "table"]

_TOLD = """
CREATE TEMP TABLE IF NOT EXISTS told (
    place INTEGER PRIMARY KEY, image_id INTEGER NOT NULL, text TEXT NOT NULL,
    source TEXT NOT NULL, kind TEXT NOT NULL, UNIQUE (image_id, kind, text))
"""
# Of both indexes that serve, that of files would be walked whole for every row of a table.
_NEW = """
INSERT INTO captions (image_id, text, source, kind, file)
SELECT t.image_id, t.text, t.source, t.kind, ?1 FROM temp.told AS t
WHERE NOT EXISTS (
    SELECT 1 FROM captions AS c INDEXED BY ix_captions_image_id
    WHERE c.image_id = t.image_id AND c.file = ?1 AND c.kind = t.kind AND c.text = t.text
    AND c.source = t.source)
ORDER BY t.place
"""
_OLD = """
DELETE FROM captions WHERE file = ? AND NOT EXISTS (
    SELECT 1 FROM temp.told AS t WHERE t.image_id = captions.image_id
    AND t.kind = captions.kind AND t.text = captions.text AND t.source = captions.source)
"""
_FILE = """
INSERT INTO caption_files (path, kind, size, mtime_ns, captions) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (path) DO UPDATE SET kind = excluded.kind, size = excluded.size,
    mtime_ns = excluded.mtime_ns, captions = excluded.captions
"""


@dataclass(frozen=True, slots=True)
class Changed:
    """How many captions came, and how many went."""

    added: int = 0
    removed: int = 0

    def __add__(self, other: Changed) -> Changed:
        return Changed(self.added + other.added, self.removed + other.removed)


@dataclass(frozen=True, slots=True)
class Table:
    """A table of captions that the user named, as it was when it was last read, if it was."""

    path: Path
    size: int | None
    mtime_ns: int | None

    def holds(self, file: FoundFile) -> bool:
        """Whether the file is what was read."""
        return (self.size, self.mtime_ns) == (file.size, file.mtime_ns)


def put_captions(
    connection: Connection, file: FoundFile, kind: Kind, texts: Iterable[tuple[int, Caption]]
) -> Changed:
    """Let what a file says of images, by their ids, take the place of what it said before."""
    connection.exec_driver_sql(_TOLD)
    connection.exec_driver_sql("DELETE FROM temp.told")
    statement = "INSERT OR IGNORE INTO temp.told (image_id, text, source, kind) VALUES (?, ?, ?, ?)"
    rest, told = iter(texts), 0
    while part := [_row(image_id, caption) for image_id, caption in islice(rest, CHUNK)]:
        connection.exec_driver_sql(statement, part)
        told += len(part)
    path = path_bytes(file.path)
    removed = connection.exec_driver_sql(_OLD, (path,)).rowcount
    added = connection.exec_driver_sql(_NEW, (path,)).rowcount
    connection.exec_driver_sql(_FILE, (path, kind, file.size, file.mtime_ns, told))
    return Changed(added, removed)


def drop_caption_files(connection: Connection, paths: Iterable[Path]) -> Changed:
    """Take out files of captions that are gone, with the captions that came from them."""
    removed = 0
    for path in paths:
        gone = (path_bytes(path),)
        removed += connection.exec_driver_sql("DELETE FROM captions WHERE file = ?", gone).rowcount
        connection.exec_driver_sql("DELETE FROM caption_files WHERE path = ?", gone)
    return Changed(removed=removed)


def remember_table(connection: Connection, path: Path) -> None:
    """Remember a table of captions, to be read; one that is known stays as it is."""
    connection.exec_driver_sql(
        "INSERT OR IGNORE INTO caption_files (path, kind) VALUES (?, 'table')", (path_bytes(path),)
    )


def tables(connection: Reading) -> list[Table]:
    """The tables that are remembered, in the order of their paths."""
    query = "SELECT path, size, mtime_ns FROM caption_files WHERE kind = 'table' ORDER BY path"
    return [
        Table(path_from(row.path), row.size, row.mtime_ns)
        for row in connection.exec_driver_sql(query)
    ]


def tables_are_to_be_read(connection: Connection) -> None:
    """Note that every table is to be read again: pictures that it names may come in now."""
    connection.exec_driver_sql(
        "UPDATE caption_files SET size = NULL, mtime_ns = NULL WHERE kind = 'table'"
    )


def images_at(connection: Connection, paths: Iterable[Path]) -> dict[Path, int]:
    """The ids of the images that lie at those very paths."""
    found: dict[Path, int] = {}
    rest = iter(paths)
    while part := [path_bytes(path) for path in islice(rest, CHUNK)]:
        marks = ", ".join("?" * len(part))
        query = f"SELECT path, image_id FROM files WHERE path IN ({marks})"
        rows: Iterator[tuple[bytes, int]] = iter(
            (row.path, row.image_id) for row in connection.exec_driver_sql(query, tuple(part))
        )
        found.update((path_from(path), image_id) for path, image_id in rows)
    return found


def _row(image_id: int, caption: Caption) -> tuple[int, str, str, str]:
    whole = storable(caption)
    return image_id, whole.text, whole.source, whole.kind
