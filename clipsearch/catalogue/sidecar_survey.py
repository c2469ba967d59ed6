"""The sidecars of a scan laid beside the catalogue: which are to be read, and which are gone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from clipsearch.catalogue.reading import BENEATH
from clipsearch.catalogue.rows import bounds, path_bytes, path_from
from clipsearch.values import FoundFile, FoundSidecar

CHUNK = 500

_TABLE = """
CREATE TEMP TABLE surveyed_sidecars (
    path BLOB NOT NULL, owner BLOB NOT NULL, size INTEGER, mtime_ns INTEGER,
    PRIMARY KEY (path, owner)) WITHOUT ROWID
"""
_OWNERS = """
SELECT f.image_id FROM temp.surveyed_sidecars AS o JOIN files AS f ON f.path = o.owner
WHERE o.path = {path} ORDER BY f.image_id
"""
_JOINED = """
FROM temp.surveyed_sidecars AS s
LEFT JOIN caption_files AS k ON k.path = s.path AND k.size = s.size AND k.mtime_ns = s.mtime_ns
"""
# New or changed; or its captions are not those of the images that lie beside it now.
_PENDING = f"""(
k.path IS NULL
OR k.captions > 0 AND EXISTS (
    SELECT 1 FROM files AS f WHERE f.path = s.owner AND NOT EXISTS (
        SELECT 1 FROM captions AS c WHERE c.file = s.path AND c.image_id = f.image_id))
OR EXISTS (
    SELECT 1 FROM captions AS c WHERE c.file = s.path
    AND c.image_id NOT IN ({_OWNERS.format(path="s.path")})))
"""


@dataclass(frozen=True, slots=True)
class PendingSidecar:
    """A sidecar to read, and the images that it speaks of."""

    file: FoundFile
    image_ids: tuple[int, ...]


class SidecarSurvey:
    """The sidecars of one scan, in a temporary table of the writer's connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        connection.exec_driver_sql("DROP TABLE IF EXISTS temp.surveyed_sidecars")
        connection.exec_driver_sql(_TABLE)

    def add(self, sidecars: Iterable[FoundSidecar]) -> None:
        """Note sidecars that the scan found."""
        rows = [
            (path_bytes(each.path), path_bytes(image), each.file.size, each.file.mtime_ns)
            for each in sidecars
            for image in each.images
        ]
        if rows:
            self._connection.exec_driver_sql(
                "INSERT OR IGNORE INTO temp.surveyed_sidecars VALUES (?, ?, ?, ?)", rows
            )

    def count_pending(self) -> int:
        """How many sidecars are to be read."""
        query = f"SELECT count(DISTINCT s.path) {_JOINED} WHERE {_PENDING}"
        return int(self._connection.exec_driver_sql(query).scalar_one())

    def pending(self) -> Iterator[list[PendingSidecar]]:
        """The sidecars to read, in the order of their paths, in chunks."""
        query = (
            f"SELECT DISTINCT s.path, s.size, s.mtime_ns {_JOINED} "
            f"WHERE s.path > ? AND {_PENDING} ORDER BY s.path LIMIT {CHUNK}"
        )
        last = b""
        while rows := self._connection.exec_driver_sql(query, (last,)).all():
            yield [
                PendingSidecar(
                    FoundFile(path_from(row.path), row.size, row.mtime_ns), self._owners(row.path)
                )
                for row in rows
            ]
            last = rows[-1].path

    def vanished_beneath(self, root: Path) -> list[Path]:
        """Sidecars at or beneath a folder that were read once, and that the scan did not find."""
        return self._unseen(BENEATH, bounds(root))

    def vanished_among(self, paths: Iterable[Path]) -> list[Path]:
        """Those of the paths that are sidecars that were read once and were not found now."""
        return [path for each in paths for path in self._unseen("path = ?", (path_bytes(each),))]

    def _owners(self, path: bytes) -> tuple[int, ...]:
        query = _OWNERS.format(path="?")
        return tuple(self._connection.exec_driver_sql(query, (path,)).scalars())

    def _unseen(self, where: str, values: tuple[bytes, ...]) -> list[Path]:
        query = (
            f"SELECT path FROM caption_files WHERE kind = 'sidecar' AND {where} AND NOT EXISTS "
            "(SELECT 1 FROM temp.surveyed_sidecars AS s WHERE s.path = caption_files.path) "
            "ORDER BY path"
        )
        return [
            path_from(path) for path in self._connection.exec_driver_sql(query, values).scalars()
        ]
