"""clipsearch list: which collections there are, and what one holds."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

import clipsearch
from clipsearch.cli import options
from clipsearch.cli.exits import DONE, NOTHING_FOUND, say
from clipsearch.cli.filters import filter_options, refuse_unknown_places, why_nothing
from clipsearch.cli.help import command
from clipsearch.cli.hits import print_paths
from clipsearch.cli.quoting import quoted
from clipsearch.cli.records import SCHEMA_VERSION, image_record, print_json, shown_path
from clipsearch.cli.tables import print_lines, print_rows

if TYPE_CHECKING:
    from clipsearch.filters import Filter


@command(
    "clipsearch list                               the collections",
    "clipsearch list default                       the pictures of one",
    "clipsearch list default --camera fuji --after 2024",
    "clipsearch list default -0 | xargs -0r ls -l",
    name="list",
)
@click.argument("name", required=False)
@filter_options
@options.json_option
@options.paths_option
@options.null_option
def list_collections(name: str | None, where: Filter, form: options.Form | None) -> int:
    """List the collections, or the pictures of collection NAME.

    --paths and -0 name each file of each picture, copies included. Filters choose among the
    pictures.
    """
    if name is not None:
        return _list_images(name, where, form)
    from clipsearch.cli.health import collections
    from clipsearch.filters import EVERYTHING

    if where != EVERYTHING:
        raise click.UsageError("filters list pictures: name a collection.")

    home = clipsearch.default_home()
    found = [_described(collection) for collection in collections(home)]
    if form == "json":
        print_json("list", {"home": str(home), "collections": found})
    elif form is not None:
        raise click.UsageError("--paths and -0 list pictures: name a collection.")
    else:
        rows = (
            ["-" if value is None else quoted(str(value)) for value in collection.values()]
            for collection in found
        )
        print_rows(["collection", ">images", "tower", "precision", "state"], rows)
    if not found:
        say(f"there are no collections in {quoted(home)} yet: `clipsearch index DIR` begins one.")
    return DONE if found else NOTHING_FOUND


def _described(collection: clipsearch.Collection) -> dict[str, str | int | None]:
    try:
        with collection:
            held = collection.status().tower
            return {
                "name": collection.name,
                "images": len(collection),
                "tower": held.name,
                "precision": held.precision,
                "state": "ok",
            }
    except clipsearch.ClipsearchError as error:
        unknown = dict.fromkeys(("images", "tower", "precision"))
        return {"name": collection.name, **unknown, "state": str(error)}


def _list_images(name: str, where: Filter, form: options.Form | None) -> int:
    with clipsearch.Collection(name) as collection:
        refuse_unknown_places(where, collection)
        found = collection.matching(where)
        if form in ("paths", "null"):
            print_paths((path for image in found for path in image.paths), form)
        elif form == "json":
            _print_images_json(collection.name, found, where.near)
        else:
            print_lines((image.id, shown_path(image)) for image in found)
        nothing = why_nothing(where, collection)
    if nothing is None:
        return DONE
    say(f"nothing found: {nothing}.")
    return NOTHING_FOUND


def _print_images_json(
    name: str, images: Iterable[clipsearch.Image], near: clipsearch.Near | None
) -> None:
    """One object, written image by image: a collection may be larger than the memory."""
    head = {"schema_version": SCHEMA_VERSION, "command": "list", "collection": name}
    sys.stdout.write(json.dumps(head)[:-1] + ', "images": [')
    for position, image in enumerate(images):
        sys.stdout.write((",\n" if position else "\n") + json.dumps(image_record(image, near)))
    sys.stdout.write("\n]}\n")
