"""clipsearch status: what a collection holds and how it stands."""

from __future__ import annotations

import click

import clipsearch
from clipsearch.cli import options
from clipsearch.cli.exits import DONE, NOTHING_FOUND
from clipsearch.cli.help import command
from clipsearch.cli.quoting import quoted
from clipsearch.cli.records import (
    path_fields,
    path_list_fields,
    print_json,
    skip_record,
    tower_record,
)
from clipsearch.cli.tables import print_facts, print_rows
from clipsearch.wording import collection_flag, tower_flags


@command(
    "clipsearch status",
    "clipsearch status --failed                    which pictures are left out, and why",
    "clipsearch status -c holidays --json | jq .images",
)
@options.collection_option
@click.option("--failed", is_flag=True, help="List the pictures that are left out, with reasons.")
@options.json_option
def status(name: str, failed: bool, form: options.Form | None) -> int:
    """Show what a collection holds: pictures, folders, tower, index.

    With --failed: code, path and reason of each picture left out; exits 1 if there is none.
    """
    with clipsearch.Collection(name) as collection:
        if failed:
            return _show_failed(collection, form)
        found = collection.status()
    if form == "json":
        print_json("status", _document(found))
        return DONE
    tower = found.tower
    facts = [
        ("collection", found.name),
        ("folder", quoted(found.folder)),
        ("images", f"{found.images:,}"),
        ("files", f"{found.files:,}"),
        ("left out", f"{found.skipped:,}"),
        *(("captions", f"{count:,} {quoted(source)}") for source, count in found.captions.items()),
        ("tower", f"{tower.name}, {tower.dim} dimensions, {tower.precision}"),
        ("index", _index_words(found)),
        ("size", f"{found.bytes / 1e6:,.1f} MB"),
        *_migration_facts(found),
        *(("root", quoted(root)) for root in found.roots),
        *(("table of captions", quoted(table)) for table in found.caption_tables),
    ]
    print_facts(facts)
    return DONE


def _show_failed(collection: clipsearch.Collection, form: options.Form | None) -> int:
    skips = collection.skips()
    if form == "json":
        fields = {"collection": collection.name, "failed": [skip_record(skip) for skip in skips]}
        print_json("status", fields)
    else:
        rows = [(str(skip.code), quoted(skip.path), quoted(skip.reason)) for skip in skips]
        print_rows(["code", "path", "reason"], rows)
    return DONE if skips else NOTHING_FOUND


def _document(found: clipsearch.CollectionStatus) -> dict[str, object]:
    begun = found.migrating_to
    return {
        "collection": found.name,
        "folder": path_fields(found.folder)["path"],
        "tower": tower_record(found.tower),
        "images": found.images,
        "files": found.files,
        "skipped": found.skipped,
        "captions": dict(found.captions),
        **path_list_fields("roots", found.roots),
        **path_list_fields("caption_tables", found.caption_tables),
        "index": {
            "kind": found.index_kind,
            "generation": found.index_generation,
            "images": found.index_images,
        },
        "bytes": found.bytes,
        "migration": {"tower": tower_record(begun), "images": found.migrated} if begun else None,
    }


def _migration_facts(found: clipsearch.CollectionStatus) -> list[tuple[str, str]]:
    """What is under way to another tower, and how to end it."""
    if found.migrating_to is None:
        return []
    call = f"clipsearch migrate{collection_flag(found.name)}"
    begun = found.migrating_to
    name = f"{begun.name} ({begun.precision})"
    return [
        ("migration", f"{found.migrated:,} of {found.images:,} images are embedded with {name}"),
        ("", f"`{call} {tower_flags(begun)}` finishes it, `{call} --abandon` gives it up"),
    ]


def _index_words(found: clipsearch.CollectionStatus) -> str:
    if found.index_kind is None:
        return "none yet; pictures are compared one by one"
    return f"{found.index_kind}, generation {found.index_generation}, {found.index_images:,} images"
