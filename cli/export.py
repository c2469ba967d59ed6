"""clipsearch export: write a collection as a folder of embeddings and metadata."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

import clipsearch
from clipsearch.cli import options
from clipsearch.cli.exits import DONE
from clipsearch.cli.help import command
from clipsearch.cli.quoting import quoted
from clipsearch.cli.records import path_fields, print_json

if TYPE_CHECKING:
    from clipsearch.exchange.arrays import Dtype


@command(
    "clipsearch export embeddings/",
    "clipsearch export embeddings/ -c art --dtype float16 --rows 100000",
)
@click.argument("folder", type=options.ANY_PATH, metavar="DIR")
@options.collection_option
@click.option(
    "--dtype",
    type=click.Choice(["float32", "float16"]),
    default="float32",
    show_default=True,
    help="Of the embeddings; float16 takes half the space and rounds.",
)
@click.option(
    "--rows",
    type=click.IntRange(min=1),
    metavar="N",
    default=1_000_000,
    show_default=True,
    help="Images in a part at most.",
)
@options.json_option
def export(folder: Path, name: str, dtype: Dtype, rows: int, form: options.Form | None) -> int:
    """Write a collection into a new folder DIR, as clip-retrieval and autofaiss read it.

    DIR holds img_emb/, metadata/ (parquet) and, where captions were embedded, text_emb/;
    `clipsearch import` reads it again with all that is known of the images. Pictures are not
    copied. Needs pip install 'clipsearch[exchange]'.
    """
    with clipsearch.Collection(name) as collection:
        report = collection.export(folder, clipsearch.ExportOptions(dtype, rows))
    if form == "json":
        fields = {"images": report.images, "parts": report.parts, "texts": report.texts}
        place = path_fields(folder)
        seconds = round(report.seconds, 3)
        print_json("export", {"collection": name, **place, **fields, "seconds": seconds})
    else:
        parts = "1 part" if report.parts == 1 else f"{report.parts} parts"
        print(f"{report.images} images in {parts} in {quoted(folder)}")
    return DONE
