"""clipsearch similar: find the pictures most like one picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from clipsearch.cli import options
from clipsearch.cli.asking import picture_part
from clipsearch.cli.filters import filter_options
from clipsearch.cli.help import command
from clipsearch.cli.hits import Asking, answer
from clipsearch.cli.output import Output, output_options

if TYPE_CHECKING:
    from clipsearch.filters import Filter


@command(
    "clipsearch similar photo.jpg",
    "clipsearch similar photo.jpg --top 30 --html alike.html",
    "clipsearch similar photo.jpg --after 2024 --not-under ~/Pictures/scans",
    "clipsearch similar - --paths < photo.jpg",
)
@click.argument("image", metavar="IMAGE")
@options.top_option
@options.min_score_option
@filter_options
@options.collection_option
@output_options
def similar(
    image: str,
    top: int,
    min_score: float | None,
    where: Filter,
    name: str,
    output: Output,
) -> int:
    """Find the pictures most like IMAGE (`-`: one on stdin).

    IMAGE need not be in the collection; if it is, it comes first, with a score of 1, and its
    JSON names all its copies. Prints what `clipsearch query` prints.
    """
    asking = Asking("similar", [picture_part(image)], top, min_score, where)
    return answer(asking, name, output)
