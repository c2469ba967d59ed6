"""clipsearch import: take in embeddings that another program made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

import clipsearch
from clipsearch.cli import options
from clipsearch.cli.exits import DONE, Terminated, say, say_left_out
from clipsearch.cli.help import command
from clipsearch.cli.progress import shown_rows
from clipsearch.cli.records import path_fields, print_json, skip_record


@command(
    "clipsearch import embeddings/ --tower ViT-B-32/laion2b_s34b_b79k -c laion",
    "clipsearch import exported/ -c copy           of `clipsearch export`, which names its tower",
    "clipsearch import embeddings/ --tower ViT-B-32/openai --root ~/Pictures --normalise",
    name="import",
)
@click.argument("folder", type=options.ANY_PATH, metavar="DIR")
@click.option(
    "--tower",
    metavar="NAME",
    help="The tower that made the embeddings; nobody can check it.  [default: what DIR says]",
)
@options.collection_option
@click.option(
    "--root",
    type=options.ANY_PATH,
    metavar="DIR",
    help="Where relative paths of pictures lie.  [default: the current folder]",
)
@click.option(
    "--no-files", is_flag=True, help="Do not look for the pictures: quick, and without previews."
)
@click.option("--normalise", is_flag=True, help="Accept rows of any length, brought to length 1.")
@options.workers_option
@options.wait_option
@options.no_summary_option
@options.json_option
def import_command(
    folder: Path,
    tower: str | None,
    name: str,
    root: Path | None,
    no_files: bool,
    normalise: bool,
    workers: int | None,
    wait: float,
    quiet: bool,
    form: options.Form | None,
) -> int:
    """Take in the embeddings of DIR, a folder as clip-retrieval or `clipsearch export` wrote it.

    All rows or none: the folder is looked over before anything is written, and stopping it
    takes everything back. Pictures that lie where their rows say are read once, to be
    recognised when they move; the others are found without a file. A collection holds
    embeddings of one tower; to ask in words, that tower must be had here.
    """
    how = clipsearch.ImportOptions(
        tower=tower, normalise=normalise, root=root, read_files=not no_files, workers=workers
    )
    with clipsearch.Collection(name, wait_seconds=wait) as collection:
        try:
            with shown_rows(quiet=quiet) as listener:
                report = collection.import_embeddings(folder, how, listener)
        except (KeyboardInterrupt, Terminated):
            say("stopped; nothing was taken in.")
            raise
    if form == "json":
        print_json("import", _document(name, folder, report))
    elif not quiet:
        say_left_out(report.failed, "`--json` lists them all.")
        print(_summed_up(report))
    return DONE


def _summed_up(report: clipsearch.ImportReport) -> str:
    return (
        f"{report.rows} rows: {report.added} images added, {report.known} known, "
        f"{report.with_file} with a file, {len(report.failed)} files not readable "
        f"in {report.seconds:.1f} s"
    )


def _document(name: str, folder: Path, report: clipsearch.ImportReport) -> dict[str, Any]:
    return {
        "collection": name,
        **path_fields(folder),
        "rows": report.rows,
        "added": report.added,
        "known": report.known,
        "with_file": report.with_file,
        "seconds": round(report.seconds, 3),
        "failed": [skip_record(skip) for skip in report.failed],
    }
