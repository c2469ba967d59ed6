"""A scan of the disk laid beside the catalogue: what is new, changed, unchanged or gone.

The scan lies in a temporary table of the writer's connection, so memory stays flat however
many files there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clipsearch.catalogue.reading import BENEATH
from clipsearch.catalogue.rows import bounds, path_bytes, path_from
from clipsearch.values import FoundFile, Skip, SkipCode

if TYPE_CHECKING:
    from sqlalchemy import Connection

CHUNK = 500
# Uncompressed pictures of one size are all of one length. Where more contents than this share
# a length, a moved file is decoded again to be recognised, rather than held against them all.
MOST_ALIKE = 256

_TABLE = """
CREATE TEMP TABLE surveyed (
    place INTEGER PRIMARY KEY, path BLOB UNIQUE NOT NULL, size INTEGER, mtime_ns INTEGER)
"""
_FINAL = ", ".join(f"'{code}'" for code in SkipCode if not code.worth_retrying)
_PENDING = f"""
FROM temp.surveyed AS s
LEFT JOIN files AS f ON f.path = s.path AND f.size = s.size AND f.mtime_ns = s.mtime_ns
LEFT JOIN skips AS k ON k.path = s.path AND k.size = s.size AND k.mtime_ns = s.mtime_ns
    AND k.code IN ({_FINAL})
WHERE f.path IS NULL AND k.path IS NULL
"""


@dataclass(frozen=True, slots=True)
class Pending:
    """A file to read: new, changed, or left out last time for a reason that may have passed.

    `fingerprints` are those of the known images of its very size (its content may be one of
    them), `was_known` says that the catalogue holds a file of that name.
    """

    file: FoundFile
    fingerprints: tuple[bytes, ...]
    was_known: bool


class Survey:
    """The files of one scan, and the questions an ingestion asks about them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        connection.exec_driver_sql("DROP TABLE IF EXISTS temp.surveyed")
        connection.exec_driver_sql(_TABLE)

    def add(self, files: Iterable[FoundFile]) -> None:
        """Note files that the scan found; a file found twice is noted once."""
        statement = "INSERT OR IGNORE INTO temp.surveyed (path, size, mtime_ns) VALUES (?, ?, ?)"
        rows = [(path_bytes(file.path), file.size, file.mtime_ns) for file in files]
        if rows:
            self._connection.exec_driver_sql(statement, rows)

    def count(self) -> int:
        """How many files the scan found."""
        return self._number("SELECT count(*) FROM temp.surveyed")

    def count_beneath(self, root: Path) -> int:
        """How many of them lie at or beneath a folder."""
        return self._number(f"SELECT count(*) FROM temp.surveyed WHERE {BENEATH}", bounds(root))

    def count_known_beneath(self, root: Path) -> int:
        """How many files the catalogue holds at or beneath a folder."""
        return self._number(f"SELECT count(*) FROM files WHERE {BENEATH}", bounds(root))

    def count_unchanged(self) -> int:
        """How many files are known and have the size and time that they had."""
        return self._number(
            "SELECT count(*) FROM temp.surveyed AS s JOIN files AS f "
            "ON f.path = s.path AND f.size = s.size AND f.mtime_ns = s.mtime_ns"
        )

    def count_pending(self) -> int:
        """How many files are new or changed, or were left out for a reason that may pass."""
        return self._number(f"SELECT count(*) {_PENDING}")

    def pending(self) -> Iterator[Pending]:
        """The files to read, in scan order."""
        last = 0
        query = (
            "SELECT s.place, s.path, s.size, s.mtime_ns, "
            "EXISTS (SELECT 1 FROM files WHERE path = s.path) AS was_known "
            f"{_PENDING} AND s.place > ? ORDER BY s.place LIMIT {CHUNK}"
        )
        while rows := self._rows(query, (last,)):
            last = rows[-1].place
            known = self._fingerprints_by_size({row.size for row in rows})
            for row in rows:
                file = FoundFile(path_from(row.path), row.size, row.mtime_ns)
                yield Pending(file, tuple(known.get(row.size, ())), bool(row.was_known))

    def vanished_beneath(self, root: Path) -> Iterator[tuple[Path, int]]:
        """Files at or beneath a folder that the scan did not find, with their image's id."""
        last = b""
        query = (
            f"SELECT path, image_id FROM files WHERE {BENEATH} AND path > ? AND NOT EXISTS "
            "(SELECT 1 FROM temp.surveyed AS s WHERE s.path = files.path) "
            f"ORDER BY path LIMIT {CHUNK}"
        )
        while rows := self._rows(query, (*bounds(root), last)):
            last = rows[-1].path
            yield from ((path_from(row.path), row.image_id) for row in rows)

    def drop_files(self, paths: Iterable[Path]) -> None:
        """Take files out of the catalogue."""
        rest = iter(paths)
        while part := [(path_bytes(path),) for path in islice(rest, CHUNK)]:
            self._connection.exec_driver_sql("DELETE FROM files WHERE path = ?", part)

    def drop_stale_skips(self, root: Path) -> None:
        """Forget skips at or beneath a folder whose files the scan did not find."""
        self._connection.exec_driver_sql(
            f"DELETE FROM skips WHERE {BENEATH} AND NOT EXISTS "
            "(SELECT 1 FROM temp.surveyed AS s WHERE s.path = skips.path)",
            bounds(root),
        )

    def skips_beneath(self, root: Path) -> list[Skip]:
        """The images at or beneath a folder that are left out, in the order of their paths."""
        query = f"SELECT path, code, reason FROM skips WHERE {BENEATH} ORDER BY path"
        return [
            Skip(path_from(row.path), SkipCode(row.code), row.reason)
            for row in self._rows(query, bounds(root))
        ]

    def _fingerprints_by_size(self, sizes: set[int]) -> dict[int, list[bytes]]:
        marks = ", ".join("?" * len(sizes))
        query = f"SELECT bytes, fingerprint FROM images WHERE bytes IN ({marks})"
        found: dict[int, list[bytes]] = {}
        for row in self._rows(query, tuple(sizes)):
            found.setdefault(row.bytes, []).append(row.fingerprint)
        return {size: known for size, known in found.items() if len(known) <= MOST_ALIKE}

    def _number(self, query: str, values: tuple[Any, ...] = ()) -> int:
        return int(self._connection.exec_driver_sql(query, values).scalar_one())

    def _rows(self, query: str, values: tuple[Any, ...]) -> Sequence[Any]:
        return self._connection.exec_driver_sql(query, values).all()
