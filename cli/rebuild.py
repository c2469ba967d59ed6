"""clipsearch rebuild: make the index again from the catalogue."""

from __future__ import annotations

import click

import clipsearch
from clipsearch.cli import options
from clipsearch.cli.exits import DONE
from clipsearch.cli.help import command

INDEXES = ("flat", "flat-fp32", "pq")


@command(
    "clipsearch rebuild",
    "clipsearch rebuild --index pq                 codes: quicker from some 30,000 pictures on",
)
@click.option(
    "--index",
    "kind",
    type=click.Choice(INDEXES),
    help="flat (float16), flat-fp32 or pq (codes, checked in float16).  [default: by size]",
)
@options.collection_option
@options.wait_option
def rebuild(kind: str | None, name: str, wait: float) -> int:
    """Make the index again from the catalogue. No picture is read or embedded."""
    from clipsearch.indexes import recipe_named

    with clipsearch.Collection(name, wait_seconds=wait) as collection:
        collection.rebuild(recipe_named(kind) if kind else None)
        found = collection.status()
    print(f"index {found.index_kind}, generation {found.index_generation}, {found.images} images")
    return DONE
