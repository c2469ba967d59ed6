"""clipsearch demo: six queries over photographs that scikit-image brings, as a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

import clipsearch
from clipsearch.cli import options
from clipsearch.cli.exits import DONE, NOTHING_FOUND, say
from clipsearch.cli.help import command
from clipsearch.cli.hits import write_page
from clipsearch.cli.index import ingest
from clipsearch.cli.quoting import quoted
from clipsearch.cli.records import hit_record, print_json, shown_path

COLLECTION = "demo"
TOP = 6
PHOTOGRAPH_QUERIES = (
    "a cat",
    "a cup of coffee",
    "a rocket taking off",
    "an astronaut",
    "a motorcycle in a workshop",
    "old coins",
)
GENERAL_QUERIES = (
    "a portrait of a person",
    "an animal",
    "a landscape",
    "a street in a city",
    "food on a table",
    "something red",
)
# What scikit-image ships besides photographs: drawings, test patterns, scans of text.
NO_PHOTOGRAPHS = (
    *("chessboard_*", "color.png", "horse.png", "logo.png", "multipage*", "no_time_*"),
    *("page.png", "phantom.png", "text.png"),
)


@command(
    "clipsearch demo                               photographs of scikit-image",
    "clipsearch demo ~/Pictures --out mine.html    your own",
)
@click.argument("folder", required=False, type=options.ANY_PATH, metavar="[DIR]")
@click.option(
    "--out",
    type=options.ANY_PATH,
    callback=options.page_file,
    default=Path("clipsearch-demo.html"),
    show_default=True,
    metavar="FILE",
    help="Where the page goes.",
)
@options.wait_option
@options.no_progress_option
@options.json_option
def demo(
    folder: Path | None, out: Path, wait: float, quiet: bool, form: options.Form | None
) -> int:
    """Ask six queries of DIR and write a page of what they find.

    Without DIR: the photographs that scikit-image brings (pip install 'clipsearch[demo]').
    The pictures stay in the collection `demo`, so that the next run is quick:
    `clipsearch query -c demo "a cat"` goes on from there, and
    `clipsearch remove --all -c demo` clears up.
    """
    exclude = NO_PHOTOGRAPHS if folder is None else None
    queries = PHOTOGRAPH_QUERIES if folder is None else GENERAL_QUERIES
    root = folder if folder is not None else _photographs()
    with clipsearch.Collection(COLLECTION, wait_seconds=wait) as collection:
        report = ingest(collection, (root,), clipsearch.IngestOptions(exclude=exclude), quiet=quiet)
        if not report.readable:
            say(f"no pictures were found in {quoted(root)}.")
            return NOTHING_FOUND
        found = [(text, _ask(collection, text, root)) for text in queries]
        tower = collection.tower.identity.name
    _print(found, report, form)
    write_page(out, found, f"{report.readable} pictures, tower {tower}, no network")
    return DONE


def _ask(collection: clipsearch.Collection, text: str, root: Path) -> list[clipsearch.Hit]:
    # by pictures: the photographs' names say what they show, and the page is to show the tower
    where = clipsearch.Filter(under=[root])
    asked = clipsearch.Query([clipsearch.Words(text)], TOP, where=where, by="pictures")
    return collection.search(asked)


def _print(
    found: Sequence[tuple[str, Sequence[clipsearch.Hit]]],
    report: clipsearch.IngestReport,
    form: options.Form | None,
) -> None:
    if form == "json":
        queries = [
            {"query": text, "hits": [hit_record(hit) for hit in hits]} for text, hits in found
        ]
        print_json("demo", {"pictures": report.readable, "queries": queries})
        return
    print(f"{report.readable} pictures")
    for text, hits in found:
        print(f"\n{text}")
        for hit in hits[:3]:
            print(f"  {hit.score:.3f}  {shown_path(hit.image)}")


def _photographs() -> Path:
    """The folder of scikit-image's data, found without importing it."""
    from importlib.util import find_spec

    found = find_spec("skimage")
    if found is None or found.origin is None:
        raise click.UsageError(
            "the photographs come with scikit-image: pip install 'clipsearch[demo]', or name a "
            "folder of your own: clipsearch demo DIR"
        )
    return Path(found.origin).parent / "data"
