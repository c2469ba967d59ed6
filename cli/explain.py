"""clipsearch explain: where in a picture the words are."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

import clipsearch
from clipsearch.cli import options
from clipsearch.cli.exits import DONE, say
from clipsearch.cli.help import command
from clipsearch.cli.preview import print_pixels
from clipsearch.cli.quoting import quoted
from clipsearch.cli.records import path_fields, print_json, tower_record
from clipsearch.cli.tables import print_lines
from clipsearch.errors import CollectionMissing

if TYPE_CHECKING:
    from clipsearch.explanation import Explanation, WordRegion
    from clipsearch.values import Precision

METHODS = {
    "linear": "exact shares of the score",
    "integrated": "shares of the score, by integrated gradients",
    "tokens": "cosines of each place",
    "occlusion": "what the score loses when the place is covered",
}
WIDEST = 60
"""Columns of a picture on a terminal; each character is two pixels high."""


@command(
    'clipsearch explain photo.jpg "a dog"',
    'clipsearch explain photo.jpg "a dog on a red sofa" --words --out heat.png',
    'clipsearch explain photo.jpg "a dog" -c holidays',
    'clipsearch explain photo.jpg "a dog" --json | jq .grid.values',
)
@click.argument("image", metavar="IMAGE")
@click.argument("words", metavar="TEXT", nargs=-1, required=True)
@click.option("--words", "each_word", is_flag=True, help="Give each word of TEXT its own region.")
@click.option(
    "--out",
    type=options.ANY_PATH,
    callback=options.writable_file,
    metavar="FILE",
    help="Write the picture with its heat map, as PNG.",
)
@click.option("-c", "--collection", "name", metavar="NAME", help="With this collection's tower.")
@options.model_option
@options.precision_option
@options.json_option
def explain(
    image: str,
    words: tuple[str, ...],
    each_word: bool,
    out: Path | None,
    name: str | None,
    model: str | None,
    precision: Precision | Literal["auto"],
    form: options.Form | None,
) -> int:
    """Show where in IMAGE (`-`: on stdin) the TEXT is, as its tower sees it.

    A heat map over the picture: on a terminal in colour, with --out as a PNG, in a pipe as
    numbers, a line for each row of places. What the numbers are depends on the tower; for the
    built-in one the shares of the places sum up to the score. With --words each word gets a box
    in pixels: left, top, width, height.
    """
    from clipsearch.explanation import draw
    from clipsearch.explanation import explain as explained

    picture: Path | bytes = sys.stdin.buffer.read() if image == "-" else Path(image)
    if name is not None and model is not None:
        raise click.UsageError("--collection brings a tower, and --model is another: give one.")
    if out is not None and out.suffix.lower() not in ("", ".png"):
        raise click.UsageError(f"--out writes a PNG: name it {quoted(out.with_suffix('.png'))}.")
    tower = _tower_of(name) if name else _tower_named(model or "builtin", precision)
    found = explained(tower, picture, " ".join(words), words=each_word)
    if out is not None:
        written = io.BytesIO()
        draw(found, picture).save(written, "PNG")
        out.write_bytes(written.getvalue())
        say(f"wrote {quoted(out)}")
    if form == "json":
        print_json("explain", _document(found, image, tower.identity))
    elif sys.stdout.isatty():
        _show(found, picture)
    else:
        _print_numbers(found, each_word=each_word)
    return DONE


def _tower_of(name: str) -> clipsearch.TowerPair:
    collection = clipsearch.Collection(name)
    if not collection.exists:
        raise CollectionMissing(name, collection.home)
    return collection.tower


def _tower_named(model: str, precision: Precision | Literal["auto"]) -> clipsearch.TowerPair:
    return clipsearch.Embedder(model, options=clipsearch.TowerOptions(precision)).tower


def _show(found: Explanation, picture: Path | bytes) -> None:
    """The picture under its heat on a terminal, and the words with their boxes."""
    from clipsearch.explanation import overlaid, shown_pixels

    print(f"{found.score:.4f}  {quoted(found.text)}  ({METHODS[found.method]})")
    if os.environ.get("NO_COLOR"):
        _print_numbers(found, each_word=False)
    else:
        pixels = shown_pixels(found, picture, WIDEST)
        print_pixels(overlaid(pixels, found, found.values))
    print_lines(_word_cells(word) for word in found.words)


def _print_numbers(found: Explanation, *, each_word: bool) -> None:
    """The words with their boxes if these were asked for, else the grid row by row."""
    if each_word:
        print_lines(_word_cells(word) for word in found.words)
    else:
        print_lines([f"{value:.4f}" for value in row] for row in found.values.tolist())


def _word_cells(word: WordRegion) -> list[str]:
    box = word.box
    numbers = [box.left, box.top, box.width, box.height] if box else ["", "", "", ""]
    return [quoted(word.word), f"{word.score:.4f}", *map(str, numbers)]


def _document(found: Explanation, image: str, tower: clipsearch.TowerIdentity) -> dict[str, Any]:
    return {
        "tower": tower_record(tower),
        "image": path_fields(Path(image))["path"],
        "width": found.width,
        "height": found.height,
        "text": found.text,
        "score": round(found.score, 6),
        "method": found.method,
        "area": [
            round(side, 6)
            for side in (found.area.left, found.area.top, found.area.right, found.area.bottom)
        ],
        "grid": _grid(found.values),
        "words": [_word_record(word) for word in found.words],
    }


def _word_record(word: WordRegion) -> dict[str, Any]:
    box = word.box
    return {
        "word": word.word,
        "score": round(word.score, 6),
        "box": [box.left, box.top, box.width, box.height] if box else None,
        "grid": _grid(word.values),
    }


def _grid(values: Any) -> dict[str, Any]:
    rows, columns = values.shape
    numbers = [[round(float(value), 6) for value in row] for row in values]
    return {"rows": rows, "columns": columns, "values": numbers}
