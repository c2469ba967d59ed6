"""clipsearch index: take folders of pictures in, and keep the collection up to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

import clipsearch
from clipsearch.cli import options
from clipsearch.cli.captioners import Chosen, captioner_options
from clipsearch.cli.exits import DONE, ERROR, NOTHING_FOUND, Terminated, failed_hint, say
from clipsearch.cli.help import command
from clipsearch.cli.progress import shown_progress
from clipsearch.cli.quoting import quoted
from clipsearch.cli.records import path_list_fields, print_json
from clipsearch.cli.summary import counts, report_record, say_remarks, unreadable_record
from clipsearch.errors import NothingReadable

if TYPE_CHECKING:
    from clipsearch.caption_writing import CaptionWriter
    from clipsearch.values import Precision


@command(
    "clipsearch index ~/Pictures /mnt/camera",
    "clipsearch index                              rescan all known folders",
    "clipsearch index ~/Pictures --exclude 'drafts' --exclude '*.gif'",
    "clipsearch index ~/Pictures --captions ~/Pictures/captions.csv",
    "clipsearch index ~/Art -c art --model ViT-B-32-256/datacomp_s34b_b86k",
    "clipsearch index ~/Pictures --caption",
    "clipsearch index ~/Pictures --json | jq '.failed'",
)
@click.argument("paths", nargs=-1, type=options.ANY_PATH, metavar="[PATH]...")
@options.collection_option
@options.model_option
@options.precision_option
@click.option(
    "--exclude",
    multiple=True,
    metavar="GLOB",
    help="Leave out names or relative paths like this; may repeat. Remembered for the PATHs; "
    "'' alone forgets what was.",
)
@click.option(
    "--captions",
    multiple=True,
    type=options.ANY_PATH,
    metavar="FILE",
    help="A .csv, .tsv or .jsonl of captions: filepath,title or image,caption, paths relative to "
    "it; may repeat. Remembered.",
)
@click.option(
    "--include-hidden/--no-include-hidden",
    default=None,
    help="Take in names that begin with a dot, or no more. Remembered for the PATHs.",
)
@click.option(
    "--prune", is_flag=True, help="Drop what lay under PATHs that are missing or suddenly empty."
)
@options.workers_option
@click.option(
    "--batch",
    type=click.IntRange(min=1),
    metavar="N",
    default=32,
    show_default=True,
    help="Pictures committed at once: what a crash may cost.",
)
@click.option(
    "--max-megapixels",
    type=click.FloatRange(min=0, min_open=True),
    metavar="M",
    default=90.0,
    show_default=True,
    help="Leave out larger pictures.",
)
@click.option("--caption", "captioning", is_flag=True, help="Then caption what has no caption yet.")
@captioner_options
@options.wait_option
@click.option("--strict", is_flag=True, help="Exit 2 when anything was left out.")
@options.no_summary_option
@options.json_option
def index(
    paths: tuple[Path, ...],
    name: str,
    model: str | None,
    precision: Precision | Literal["auto"],
    captioning: bool,
    chosen: Chosen,
    wait: float,
    strict: bool,
    quiet: bool,
    form: options.Form | None,
    **given: Any,
) -> int:
    """Take in pictures; without PATH, rescan the known folders.

    Takes in what lies under the PATHs: JPEG, PNG, WebP, GIF, TIFF, BMP, JPEG 2000, HEIC and
    AVIF. Captions come from the pictures' own metadata, from .txt, .json and .xmp files beside
    them, and from --captions. Unchanged files are skipped, moved and copied ones recognised.
    Pictures that vanished under the PATHs are dropped, and only those; a folder that is missing
    or suddenly empty drops nothing without --prune. Your files are never changed.

    With --caption the --captioner then writes a sentence about each picture that has none of its
    own yet, for `query` to search (`clipsearch caption --write catalogue`).

    Ctrl-C stops it at any time: run it again to go on.
    """
    captioner = chosen.open_if(captioning, "--caption")  # said at once where there is none
    ingest_options = options_of(given)
    # A collection that stands keeps its precision; only a word against it is passed on.
    tower_options = clipsearch.TowerOptions(precision) if precision != "auto" else None
    with clipsearch.Collection(
        name, model=model, options=tower_options, wait_seconds=wait
    ) as collection:
        try:
            report = ingest(collection, paths, ingest_options, quiet=quiet)
        except NothingReadable as error:
            if form == "json":
                fields = {"collection": name, **path_list_fields("roots", paths)}
                print_json("index", {**fields, **unreadable_record(error)})
            raise
        captioned = caption_new(collection, captioner, paths, ingest_options, quiet=quiet)
    if form == "json":
        fields = {"collection": name, **path_list_fields("roots", paths), **report_record(report)}
        cost = chosen.cost(captioner)
        print_json("index", {**fields, "captioned": captioned, "cost": cost})
    elif not quiet:
        say_remarks(report, failed_hint(name), pruned=ingest_options.prune)
        print(counts(report))
        if captioner is not None:
            print(f"{captioned} captioned")
            chosen.say_cost(captioner)
    if strict and (report.failed or report.captions_failed):
        return ERROR
    if not report.readable:
        say(f"no pictures were found in {', '.join(map(quoted, paths)) or 'the known folders'}.")
        return NOTHING_FOUND
    return DONE


def options_of(given: Mapping[str, Any]) -> clipsearch.IngestOptions:
    """How folders are taken in, of the options given."""
    return clipsearch.IngestOptions(
        exclude=given["exclude"] or None,
        prune=given["prune"],
        hidden=given["include_hidden"],
        workers=given["workers"],
        batch=given["batch"],
        limits=clipsearch.DecodeLimits(max_megapixels=given["max_megapixels"]),
        captions=given["captions"],
    )


def caption_new(
    collection: clipsearch.Collection,
    captioner: CaptionWriter | None,
    paths: Sequence[Path],
    ingest_options: clipsearch.IngestOptions,
    *,
    quiet: bool,
) -> int:
    """Caption the images under the PATHs that are still without; how many that were."""
    if captioner is None:
        return 0
    from clipsearch.captioning import CaptionOptions

    wanted = CaptionOptions(workers=ingest_options.workers, limits=ingest_options.limits)
    with shown_progress(quiet=quiet) as listener:
        return collection.caption_images(captioner, wanted, paths, listener).captioned


def ingest(
    collection: clipsearch.Collection,
    roots: tuple[Path, ...],
    ingest_options: clipsearch.IngestOptions,
    *,
    quiet: bool,
) -> clipsearch.IngestReport:
    """Ingest and show progress; when it is stopped, say what is in."""
    try:
        with shown_progress(quiet=quiet) as listener:
            report = collection.ingest(roots, ingest_options, listener)
    except (KeyboardInterrupt, Terminated):
        count = len(collection) if collection.exists else 0
        say(f"stopped; {count} images are in; run it again to go on.")
        raise
    for note in () if quiet else collection.tower.notes:
        say(f"note: {note}")
    return report
