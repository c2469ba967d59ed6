"""What is gone from the disk, and what only seems to be.

A folder that is missing, that cannot be listed, or that held images and is suddenly empty may
be a disk that is not mounted: nothing beneath it is dropped unless the user says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from sqlalchemy import Connection

from clipsearch.catalogue import Survey, reading, transaction, writing
from clipsearch.ingest.report import IngestReport


def suspicious_folders(connection: Connection, survey: Survey, roots: Iterable[Path]) -> list[Path]:
    """Roots and mounts beneath them that held images and in which the scan found none."""
    mounts = reading.known_roots(connection, "mount")
    asked = list(roots)
    watched = asked + [mount for mount in mounts if any(is_beneath(mount, root) for root in asked)]
    return [
        folder
        for folder in dict.fromkeys(watched)
        if survey.count_beneath(folder) == 0 and survey.count_known_beneath(folder) > 0
    ]


def drop_vanished(
    connection: Connection, survey: Survey, roots: Iterable[Path], spared: list[Path]
) -> Counter[int]:
    """Drop the files beneath `roots` that the scan did not find, save beneath `spared`.

    One transaction. Returns how many files each image lost, by image id.
    """
    lost: Counter[int] = Counter()
    with transaction(connection):
        for root in roots:
            gone = [
                (path, image_id)
                for path, image_id in survey.vanished_beneath(root)
                if not any(is_beneath(path, folder) for folder in spared)
            ]
            survey.drop_files(path for path, _ in gone)
            lost.update(image_id for _, image_id in gone)
            if root not in spared:
                survey.drop_stale_skips(root)
        writing.remove_unheld_images(connection)
    return lost


def count_moves(report: IngestReport, appeared: Counter[int], lost: Counter[int]) -> None:
    """A content that vanished in one place and appeared in another has moved."""
    moved = sum((appeared & lost).values())
    report.moved = moved
    report.added -= moved
    report.removed = lost.total() - moved


def is_beneath(path: Path, folder: Path) -> bool:
    """Whether a path is a folder, or lies in it."""
    return path == folder or folder in path.parents
