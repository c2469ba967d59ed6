"""clipsearch remove: take pictures out of a collection, or the collection itself away."""

from __future__ import annotations

import sys
from pathlib import Path

import click

import clipsearch
from clipsearch.cli import options
from clipsearch.cli.exits import DONE, NOTHING_FOUND, say
from clipsearch.cli.help import command
from clipsearch.cli.quoting import counted, quoted


@command(
    "clipsearch remove ~/Pictures/old              what lies there is found no more",
    "clipsearch remove --id 17 --id 18",
    "clipsearch remove --all -c holidays           the whole collection",
)
@click.argument("paths", nargs=-1, type=options.ANY_PATH, metavar="[PATH]...")
@click.option(
    "--id",
    "ids",
    type=click.IntRange(1, 2**63 - 1),
    multiple=True,
    metavar="N",
    help="An image id; may repeat.",
)
@click.option("--all", "everything", is_flag=True, help="Remove the collection with all it holds.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@options.collection_option
@options.wait_option
def remove(
    paths: tuple[Path, ...],
    ids: tuple[int, ...],
    everything: bool,
    yes: bool,
    name: str,
    wait: float,
) -> int:
    """Take pictures out of a collection; your files stay.

    A PATH is a file or a folder; a known folder at or under it is forgotten, too. What lies
    under a folder that is still known comes back when that is indexed again: leave it out with
    `clipsearch index DIR --exclude`. Exits 1 when there was nothing to remove.
    """
    with clipsearch.Collection(name, wait_seconds=wait) as collection:
        if everything:
            return _delete(collection, yes=yes)
        if not paths and not ids:
            raise click.UsageError("name what to remove: a PATH, --id or --all.")
        gone = collection.remove(ids, paths)
    print(_summed_up(gone))
    if gone:
        return DONE
    for path in paths:
        missing = "" if path.exists() else ", which does not exist"
        say(f"{name!r} knows nothing at or under {quoted(path)}{missing}.")
    for image_id in ids:
        say(f"{name!r} has no image {image_id}.")
    return NOTHING_FOUND


def _summed_up(gone: clipsearch.Removed) -> str:
    """Images always; of the rest only what there was."""
    rest = (
        counted(gone.copies, "copy", "copies"),
        counted(gone.skips, "picture that was left out", "pictures that were left out"),
        counted(gone.folders, "folder"),
        counted(gone.tables, "table of captions", "tables of captions"),
        counted(gone.captions, "caption"),
    )
    named = ", ".join(each for each in rest if not each.startswith("0 "))
    return f"{counted(gone.images, 'image')} removed{named and f'; forgotten: {named}'}"


def _delete(collection: clipsearch.Collection, *, yes: bool) -> int:
    count = len(collection)
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("--all needs --yes where nobody can be asked.")
        question = f"Remove the collection {collection.name!r} with its {count} images?"
        if not click.confirm(question, err=True):
            say("nothing was removed.")
            return NOTHING_FOUND
    collection.delete()
    print(f"the collection {collection.name!r} with its {count} images was removed")
    return DONE
