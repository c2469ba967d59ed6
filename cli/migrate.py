"""clipsearch migrate: take a collection over to another tower."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

import clipsearch
from clipsearch.cli import options
from clipsearch.cli.exits import DONE, FIRST, NOTHING_FOUND, Terminated, say
from clipsearch.cli.help import command
from clipsearch.cli.progress import shown_progress
from clipsearch.cli.quoting import quoted
from clipsearch.cli.records import path_fields, print_json, tower_record
from clipsearch.migration_errors import MigrationIncomplete
from clipsearch.wording import collection_flag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clipsearch.values import Precision, Unreached


@command(
    "clipsearch migrate                            to the built-in tower of this version",
    "clipsearch migrate -c art --model ViT-B-32-256/datacomp_s34b_b86k",
    "clipsearch migrate --precision int8           the same, calculated quicker",
    "clipsearch migrate --drop-missing             go on without pictures that are gone",
    "clipsearch migrate --abandon                  give an unfinished migration up",
)
@click.option(
    "--model",
    metavar="MODEL",
    help="The tower to go over to (`clipsearch models` lists some).  [default: builtin, at the "
    "precision that the collection has]",
)
@options.precision_option
@options.collection_option
@click.option(
    "--drop-missing",
    is_flag=True,
    help="Take out the pictures that cannot be read again, with their captions.",
)
@click.option("--abandon", is_flag=True, help="Give up an unfinished migration.")
@options.workers_option
@click.option(
    "--batch",
    type=click.IntRange(min=1),
    metavar="N",
    default=32,
    show_default=True,
    help="Pictures committed at once: what a crash may cost.",
)
@options.wait_option
@options.no_summary_option
@options.json_option
def migrate(
    model: str | None,
    precision: Precision | Literal["auto"],
    name: str,
    drop_missing: bool,
    abandon: bool,
    workers: int | None,
    batch: int,
    wait: float,
    quiet: bool,
    form: options.Form | None,
) -> int:
    """Embed a collection anew with another tower, and go over to it.

    Every picture is read again. Until the last step queries go on with the old tower; then, at
    once, the new one is in its place. Ids, captions, metadata and folders stay. Only a picture
    that cannot be read again (its disk is away, its file has changed, a program added it) stops
    the last step: bring it back, or leave it behind with --drop-missing.

    Ctrl-C stops it at any time: run it again to go on.
    """
    with clipsearch.Collection(name, wait_seconds=wait) as collection:
        if abandon:
            return _abandon(collection)
        count = len(collection)  # a collection that is not there is said before a model is fetched
        if model is None and precision == "auto":
            held = collection.status()
            precision = (held.migrating_to or held.tower).precision
        tower = _tower(model or "builtin", precision)
        try:
            report = _migrate(
                collection,
                tower,
                clipsearch.MigrationOptions(
                    drop_missing=drop_missing,
                    reference=_reference(tower),
                    workers=workers,
                    batch=batch,
                ),
                quiet=quiet,
            )
        except MigrationIncomplete as error:
            _say_unreached("cannot be read again", error.unreached)
            if form == "json":
                fields = {"collection": name, "migrated": False, "images": error.images}
                print_json("migrate", {**fields, "unreached": _records(error.unreached)})
            raise
    if form == "json":
        print_json("migrate", _document(name, count, report))
    elif not quiet:
        _say_unreached("taken out", report.dropped)
        print(_summed_up(name, report))
    return DONE


def _tower(model: str, precision: Precision | Literal["auto"]) -> clipsearch.TowerPair:
    home = clipsearch.default_home()
    return clipsearch.load_towers(model, home, clipsearch.TowerOptions(precision))


def _reference(tower: clipsearch.TowerPair) -> clipsearch.TowerPair | None:
    """What a lower precision is held against."""
    identity = tower.identity
    return None if identity.precision == "fp32" else _tower(identity.name, "fp32")


def _migrate(
    collection: clipsearch.Collection,
    tower: clipsearch.TowerPair,
    how: clipsearch.MigrationOptions,
    *,
    quiet: bool,
) -> clipsearch.MigrationReport:
    """Migrate and show progress; when it is stopped, say how it goes on."""
    try:
        with shown_progress(quiet=quiet) as listener:
            report = collection.migrate(tower, how, listener)
    except (KeyboardInterrupt, Terminated):
        say(
            "stopped; queries go on with the old tower. Run it again to go on, or give it up with "
            f"`clipsearch migrate{collection_flag(collection.name)} --abandon`."
        )
        raise
    for note in () if quiet else tower.notes:
        say(f"note: {note}")
    return report


def _abandon(collection: clipsearch.Collection) -> int:
    target = collection.abandon_migration()
    if target is None:
        say("there is no unfinished migration.")
        return NOTHING_FOUND
    print(f"the migration to {target.name} was given up; the collection is as it was")
    return DONE


def _say_unreached(state: str, unreached: Sequence[Unreached]) -> None:
    for gone in unreached[:FIRST]:
        place = quoted(gone.path) if gone.path else f"image {gone.image_id}"
        say(f"{state}: {place}: {gone.reason}")
    if len(unreached) > FIRST:
        say(f"{state}: {len(unreached) - FIRST} more. `--json` lists them all.")


def _summed_up(name: str, report: clipsearch.MigrationReport) -> str:
    if not report.migrated:
        return f"{name}: has {report.new.name} at {report.new.precision} already"
    resumed = f", {report.resumed} before" if report.resumed else ""
    dropped = f", {len(report.dropped)} taken out" if report.dropped else ""
    old, new = (f"{each.name} ({each.precision})" for each in (report.old, report.new))
    return (
        f"{name}: {old} -> {new}, {report.embedded} images embedded"
        f"{resumed}{dropped} in {report.seconds:.1f} s"
    )


def _document(name: str, count: int, report: clipsearch.MigrationReport) -> dict[str, object]:
    return {
        "collection": name,
        "migrated": report.migrated,
        "images": count - len(report.dropped),
        "old": tower_record(report.old),
        "new": tower_record(report.new),
        "embedded": report.embedded,
        "resumed": report.resumed,
        "dropped": _records(report.dropped),
        "seconds": round(report.seconds, 3),
    }


def _records(unreached: Sequence[Unreached]) -> list[dict[str, object]]:
    return [
        {"id": gone.image_id, **path_fields(gone.path), "reason": gone.reason} for gone in unreached
    ]
