"""clipsearch similar: find the pictures most like one picture."""

from __future__ import annotations

from pathlib import Path

import click

from clipsearch.cli import options
from clipsearch.cli.asking import picture_part
from clipsearch.cli.help import command
from clipsearch.cli.hits import Asking, answer


@command(
    "clipsearch similar photo.jpg",
    "clipsearch similar photo.jpg --top 30 --html alike.html",
    "clipsearch similar - --paths < photo.jpg",
)
@click.argument("image", metavar="IMAGE")
@options.top_option
@options.min_score_option
@options.under_option
@options.collection_option
@options.json_option
@options.csv_option
@options.paths_option
@options.null_option
@options.html_option
def similar(
    image: str,
    top: int,
    min_score: float | None,
    under: tuple[Path, ...],
    name: str,
    form: options.Form | None,
    html: Path | None,
) -> int:
    """Find the pictures most like IMAGE (`-`: one on stdin).

    IMAGE need not be in the collection; if it is, it comes first, with a score of 1, and its
    JSON names all its copies. Prints what `clipsearch query` prints.
    """
    asking = Asking("similar", [picture_part(image)], top, min_score, under)
    return answer(asking, name, form, html)
