"""A disk that is pulled out while its pictures are taken in costs only what was not read yet."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from clipsearch import Collection, IngestOptions, Progress, SkipCode

Paint = Callable[[str, str], Path]

PICTURES = 40
BATCH = 2


def names(collection: Collection) -> set[str]:
    return {path.name for image in collection for path in image.paths}


def test_a_disk_that_goes_while_it_is_read_costs_only_what_was_not_read(
    collection: Collection, pictures: Path, paint: Paint
) -> None:
    disk, away = pictures / "disk", pictures / "away"
    known = paint("disk/known.png", "red").name
    collection.ingest([disk])
    every = {paint(f"disk/{number:02}.png", "blue").name for number in range(PICTURES)} | {known}

    def unplug(progress: Progress) -> None:
        if progress.phase == "embedding" and progress.done == 2 * BATCH:
            disk.rename(away)

    report = collection.ingest([disk], IngestOptions(batch=BATCH, workers=1), unplug)
    assert {skip.code for skip in report.failed} <= {SkipCode.CHANGED, SkipCode.UNREADABLE}
    assert report.removed == 0
    assert report.added >= 2 * BATCH
    assert report.added + len(report.failed) == PICTURES
    lost = {skip.path.name for skip in report.failed}
    assert lost
    assert names(collection) == every - lost

    report = collection.ingest()
    assert (report.missing, report.removed) == ((disk,), 0)
    assert names(collection) == every - lost

    away.rename(disk)
    report = collection.ingest()
    assert (report.added, report.failed) == (len(lost), ())
    assert names(collection) == every
    assert collection.verify().whole
