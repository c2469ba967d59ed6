"""What an ingestion did, for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import clipsearch
from clipsearch.cli.exits import say, say_left_out
from clipsearch.cli.quoting import counted, quoted
from clipsearch.cli.records import path_list_fields, skip_record
from clipsearch.errors import NothingReadable

NOTES = {
    "bad_icc_profile": "with a colour profile that cannot be used, taken as sRGB",
    "bad_orientation": "with an orientation that does not exist, taken as upright",
    "bad_xmp": "with XMP that cannot be used, left out",
    "long_caption": "with a text of more than 65,536 characters, left out",
    "first_frame_of_many": "with several frames, of which the first was taken",
}


def report_record(report: clipsearch.IngestReport) -> dict[str, Any]:
    """A report's fields for JSON."""
    return {
        "added": report.added,
        "updated": report.updated,
        "moved": report.moved,
        "removed": report.removed,
        "unchanged": report.unchanged,
        "embedded": report.embedded,
        "captions_added": report.captions_added,
        "captions_removed": report.captions_removed,
        "symlinks": report.symlinks,
        "raws": report.raws,
        "seconds": round(report.seconds, 3),
        "images_per_second": round(report.images_per_second, 2),
        "failed": [skip_record(skip) for skip in report.failed],
        "newly_failed": len(report.newly_failed),
        "captions_failed": [skip_record(skip) for skip in report.captions_failed],
        **path_list_fields("missing", report.missing),
        **path_list_fields("emptied", report.emptied),
        **path_list_fields("unlistable", report.unlistable),
        "notes": dict(report.notes),
    }


def unreadable_record(error: NothingReadable) -> dict[str, Any]:
    """What is known for JSON when nothing could be read: no count above 0, and the reasons."""
    none = dict.fromkeys(("added", "updated", "moved", "unchanged", "embedded"), 0)
    return {**none, "failed": [skip_record(skip) for skip in error.failed]}


def counts(report: clipsearch.IngestReport) -> str:
    """The line that sums a report up."""
    done = (
        f"{report.added} added, {report.updated} updated, {report.moved} moved, "
        f"{report.removed} removed, {report.unchanged} unchanged, {len(report.failed)} failed"
    )
    if report.captions_added or report.captions_removed:
        done += f", captions: {report.captions_added} added, {report.captions_removed} removed"
    rate = f", {report.images_per_second:.1f} images/s" if report.embedded else ""
    return f"{done} in {report.seconds:.1f} s{rate}"


def say_remarks(report: clipsearch.IngestReport, failed_hint: str, *, pruned: bool = False) -> None:
    """Say on stderr what the user should know: failures, and what was spared or tolerated."""
    say_left_out(report.newly_failed, failed_hint)
    if before := len(report.failed) - len(report.newly_failed):
        say(f"left out as before: {counted(before, 'picture')}. {failed_hint}")
    say_left_out(report.captions_failed, "`clipsearch index --json` lists them all.")
    _say_gone(report.missing, "is missing", pruned=pruned)
    _say_gone(report.emptied, "held images and now holds none", pruned=pruned)
    for folder in report.unlistable:
        say(f"cannot be listed, nothing beneath it was dropped: {quoted(folder)}")
    for note, count in sorted(report.notes.items()):
        say(f"note: {count} {'image' if count == 1 else 'images'} {NOTES.get(note, note)}")
    if report.raws:
        say(f"note: {counted(report.raws, 'RAW file')} not read, only what was made of them")
    if report.symlinks:
        say(f"note: {counted(report.symlinks, 'symbolic link')} not followed")


def _say_gone(folders: Sequence[Path], state: str, *, pruned: bool) -> None:
    spared = "nothing was dropped, in case a disk is not mounted. `--prune` drops it."
    for folder in folders:
        say(f"{quoted(folder)} {state}; {'what lay there was dropped.' if pruned else spared}")
