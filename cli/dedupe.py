"""clipsearch dedupe: which files show the same?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

import clipsearch
from clipsearch.cli import options
from clipsearch.cli.exits import DONE, NOTHING_FOUND, Terminated, say, say_left_out
from clipsearch.cli.help import command
from clipsearch.cli.hits import print_paths, write_page
from clipsearch.cli.progress import shown_progress
from clipsearch.cli.quoting import counted, quoted
from clipsearch.cli.records import path_fields, path_list_fields, print_json, skip_record
from clipsearch.cli.tables import print_rows

TIERS = ("exact", "copy", "lookalike")
SAFE = ("exact", "copy")
"""What `--paths` and `-0` name where no tier was asked for: look-alikes are other pictures."""

FOOTER = (
    "The bar under a picture is its score, the cosine with the picture that is kept, the first of "
    "its row."
)

COLUMNS = (">group", "tier", "", ">pixels", ">bytes", ">score", ">differs", "path")


@command(
    "clipsearch dedupe                              all groups of files that show the same",
    "clipsearch dedupe ~/Pictures --html same.html  see them side by side",
    "clipsearch dedupe --tier lookalike             series, bursts, variants",
    "clipsearch dedupe --tier exact -0 | xargs -0r ls -l",
    "clipsearch dedupe --json | jq '.groups[].kept.path'",
)
@click.argument("paths", nargs=-1, type=options.ANY_PATH, metavar="[PATH]...")
@options.collection_option
@click.option(
    "--tier",
    "tiers",
    type=click.Choice(TIERS),
    multiple=True,
    help="Only groups of this kind; may repeat.  [default: all; exact and copy for --paths, -0]",
)
@click.option(
    "--max-difference",
    type=click.FloatRange(min=0),
    default=0.5,
    show_default=True,
    metavar="D",
    help="The most that copies may differ anywhere, in parts of the contrast there.",
)
@click.option(
    "--min-similarity",
    type=click.FloatRange(min=-1, max=1),
    default=0.96,
    show_default=True,
    metavar="S",
    help="The least cosine of look-alikes; it depends on the tower.",
)
@options.workers_option
@options.wait_option
@options.no_summary_option
@options.json_option
@options.paths_option
@options.null_option
@options.html_option
def dedupe(
    paths: tuple[Path, ...],
    name: str,
    tiers: tuple[str, ...],
    max_difference: float,
    min_similarity: float,
    workers: int | None,
    wait: float,
    quiet: bool,
    form: options.Form | None,
    html: Path | None,
) -> int:
    """Group the files that show the same; nothing is removed.

    exact: the same bytes or the same pixels. copy: one picture encoded anew, resized, cropped a
    little, framed, turned or mirrored. lookalike: another moment, or something changed. Of each
    group the file with the most pixels is kept; of equally many one that names its camera or the
    time it was taken, then the oldest, then the least compressed. --paths and -0 name the
    others. With PATHs only files there are grouped.

    The first run reads every picture once more. Ctrl-C stops it at any time: run it again to go
    on.
    """
    wanted = tiers or (SAFE if form in ("paths", "null") else TIERS)
    asked = clipsearch.DuplicateOptions(
        tiers=[clipsearch.Tier(tier) for tier in dict.fromkeys(wanted)],
        under=paths,
        most_difference=max_difference,
        least_score=min_similarity,
        workers=workers,
    )
    with clipsearch.Collection(name, wait_seconds=wait) as collection:
        found = _found(collection, asked, quiet=quiet)
        rows = _page_rows(collection, found.groups) if html is not None else []
    if form == "json":
        print_json("dedupe", _document(name, asked, found))
    elif form is not None:
        print_paths((other.path for group in found.groups for other in group.others), form)
    else:
        print_rows(COLUMNS, _rows(found.groups))
    if html is not None:
        about = f"collection {name}: the first picture of each row is kept"
        write_page(html, rows, about, footer=FOOTER)
    if not quiet:
        say_left_out(found.unread, "`--json` names them all.")
        say(_summed_up(found.groups))
    return DONE if found.groups else NOTHING_FOUND


def _found(
    collection: clipsearch.Collection, asked: clipsearch.DuplicateOptions, *, quiet: bool
) -> clipsearch.Duplicates:
    """Search and show progress; when it is stopped, say how it goes on."""
    try:
        with shown_progress(quiet=quiet) as listener:
            return collection.duplicates(asked, listener)
    except (KeyboardInterrupt, Terminated):
        say("stopped; run it again to go on.")
        raise


def _rows(groups: Sequence[clipsearch.DuplicateGroup]) -> list[list[str]]:
    """A line for each file, the kept one of a group first."""
    return [
        [str(number), str(group.tier), "keep" if file is group.kept else "", *_cells(file)]
        for number, group in enumerate(groups, start=1)
        for file in (group.kept, *group.others)
    ]


def _page_rows(
    collection: clipsearch.Collection, groups: Sequence[clipsearch.DuplicateGroup]
) -> list[tuple[str, list[clipsearch.Hit]]]:
    """A row of pictures for each group, the kept one first; a score is a cosine with that."""
    files = [file for group in groups for file in (group.kept, *group.others)]
    images = collection.images(list({file.image_id for file in files}))
    rows = []
    for number, group in enumerate(groups, start=1):
        shown = [file for file in (group.kept, *group.others) if file.image_id in images]
        hits = [
            clipsearch.Hit(rank, file.score, replace(images[file.image_id], paths=(file.path,)))
            for rank, file in enumerate(shown, start=1)
        ]
        rows.append((f"{number} · {group.tier}", hits))
    return rows


def _cells(file: clipsearch.Duplicate) -> list[str]:
    differs = "" if file.difference is None else f"{file.difference:.2f}"
    size = f"{file.width}x{file.height}"
    return [size, str(file.bytes), f"{file.score:.3f}", differs, quoted(file.path)]


def _summed_up(groups: Sequence[clipsearch.DuplicateGroup]) -> str:
    if not groups:
        return "nothing found."
    counts = Counter(str(group.tier) for group in groups)
    others = Counter(str(group.tier) for group in groups for _ in group.others)
    return ", ".join(
        f"{tier}: {counted(counts[tier], 'group')}, {counted(others[tier], 'file')} beside the "
        f"kept {'one' if counts[tier] == 1 else 'ones'}"
        for tier in TIERS
        if counts[tier]
    )


def _document(
    name: str, asked: clipsearch.DuplicateOptions, found: clipsearch.Duplicates
) -> dict[str, Any]:
    return {
        "collection": name,
        **path_list_fields("under", asked.under),
        "tiers": [str(tier) for tier in asked.tiers],
        "max_difference": asked.most_difference,
        "min_similarity": asked.least_score,
        "groups": [
            {
                "tier": str(group.tier),
                "kept": _record(group.kept),
                "others": [_record(other) for other in group.others],
            }
            for group in found.groups
        ],
        "unread": [skip_record(skip) for skip in found.unread],
    }


def _record(file: clipsearch.Duplicate) -> dict[str, Any]:
    difference = file.difference
    return {
        **path_fields(file.path),
        "id": file.image_id,
        "width": file.width,
        "height": file.height,
        "bytes": file.bytes,
        "score": round(file.score, 6),
        "difference": None if difference is None else round(difference, 6),
        "turned": file.turned,
    }
