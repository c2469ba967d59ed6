"""Options that several commands share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import click

from clipsearch.cli.quoting import quoted

Form = Literal["json", "csv", "paths", "null"]
"""How results are written; None is a table on a terminal and tab-separated lines elsewhere."""


@dataclass(frozen=True, slots=True)
class Shown:
    """How a command shows what it found."""

    form: Form | None
    html: Path | None = None
    quiet: bool = False


ANY_PATH = click.Path(path_type=Path)

collection_option = click.option(
    "-c",
    "--collection",
    "name",
    metavar="NAME",
    default="default",
    show_default=True,
    help="The collection to work on.",
)

model_option = click.option(
    "--model",
    metavar="MODEL",
    help="The tower: builtin, ViT-B-32-256/datacomp_s34b_b86k, hf-hub:ORG/NAME, "
    "local-dir:DIR, ... (`clipsearch models` lists them). A collection keeps the tower it was "
    "made with.",
)

PRECISIONS = ("auto", "fp32", "int8", "bf16")

precision_option = click.option(
    "--precision",
    type=click.Choice(PRECISIONS),
    default="auto",
    show_default=True,
    help="How the tower calculates. int8 and bf16 (it needs clipsearch[openvino]) are quicker on "
    "processors that have them, and refused where they would find other pictures than fp32. auto "
    "is that of the collection, else what the model recommends, mostly fp32.",
)

wait_option = click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="SECONDS",
    help="Wait for another process that is writing the collection.",
)

workers_option = click.option(
    "--workers",
    type=click.IntRange(min=1),
    metavar="N",
    help="Processes that decode pictures.  [default: one a core]",
)

no_progress_option = click.option("--quiet", is_flag=True, help="Show no progress.")
no_summary_option = click.option("--quiet", is_flag=True, help="Show neither progress nor summary.")

top_option = click.option(
    "-k",
    "--top",
    type=click.IntRange(min=1),
    metavar="N",
    default=10,
    show_default=True,
    help="How many pictures to show.",
)


def finite_number(
    _context: click.Context, _option: click.Parameter, number: float | None
) -> float | None:
    """Refuse nan and inf, which are floats and no scores."""
    if number is not None and not math.isfinite(number):
        raise click.BadParameter(f"{number} is no number to compare with.")
    return number


def texts_with_words(
    _context: click.Context, _option: click.Parameter, texts: tuple[str, ...]
) -> tuple[str, ...]:
    """Refuse a text without words."""
    if not all(text.strip() for text in texts):
        raise click.BadParameter("a text is empty: give words.")
    return texts


min_score_option = click.option(
    "--min-score",
    type=click.FloatRange(-1, 1),
    callback=finite_number,
    metavar="SCORE",
    help="Only pictures of at least this cosine (-1 to 1).",
)

min_probability_option = click.option(
    "--min-probability",
    type=click.FloatRange(0, 1),
    callback=finite_number,
    metavar="P",
    help="Only pictures that show the words with this probability (0 to 1).",
)


def writable_file(
    _context: click.Context, _option: click.Parameter, target: Path | None
) -> Path | None:
    """Refuse a file whose folder is not there, before any work is done."""
    if target is not None and (target.is_dir() or not target.parent.is_dir()):
        raise click.BadParameter(f"{quoted(target)} is no file in a folder that exists.")
    return target


def page_file(context: click.Context, option: click.Parameter, target: Path | None) -> Path | None:
    """Refuse a file that cannot be written, and one that is there and is no page: a photograph."""
    target = writable_file(context, option, target)
    if target is not None and target.is_file() and target.stat().st_size:
        with target.open("rb") as file:
            begun = file.read(256).lstrip(b"\xef\xbb\xbf \t\r\n").lower()
        if not begun.startswith((b"<!doctype html", b"<html")):
            raise click.BadParameter(
                f"{quoted(target)} is there and is no page: name another file."
            )
    return target


html_option = click.option(
    "--html",
    type=ANY_PATH,
    callback=page_file,
    metavar="FILE",
    help="Also write a page with the pictures: one file, for any browser.",
)

json_option = click.option("--json", "form", flag_value="json", help="Write one JSON object.")
csv_option = click.option("--csv", "form", flag_value="csv", help="Write CSV with a header.")
paths_option = click.option(
    "--paths", "form", flag_value="paths", help="Write paths only, one a line."
)
null_option = click.option(
    "-0",
    "--null",
    "form",
    flag_value="null",
    help="Write paths only, byte for byte, each ended by NUL (for xargs -0r).",
)
