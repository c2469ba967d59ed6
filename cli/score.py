"""clipsearch score: how well pictures and texts fit each other."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

import clipsearch
from clipsearch.cli import options
from clipsearch.cli.exits import code_of, refuse_absent, say_left_out
from clipsearch.cli.help import command
from clipsearch.cli.quoting import quoted
from clipsearch.cli.records import path_list_fields, print_json, skip_record, tower_record
from clipsearch.cli.tables import print_csv, print_lines, print_table

if TYPE_CHECKING:
    from clipsearch.values import Embeddings, Precision

COLUMNS = ("image", "text", "cosine", "softmax")


@command(
    'clipsearch score photo.jpg --text "a cat" --text "a dog"',
    "clipsearch score ~/Pictures --text receipt --text photo --json",
    'clipsearch score *.jpg --text "a receipt" --text "a photo" --csv > scores.csv',
)
@click.argument("paths", nargs=-1, required=True, type=options.ANY_PATH, metavar="PATH...")
@click.option(
    "--text",
    "texts",
    multiple=True,
    required=True,
    callback=options.texts_with_words,
    metavar="TEXT",
    help="May repeat.",
)
@options.model_option
@options.precision_option
@options.json_option
@options.csv_option
def score(
    paths: tuple[Path, ...],
    texts: tuple[str, ...],
    model: str | None,
    precision: Precision | Literal["auto"],
    form: options.Form | None,
) -> int:
    """Compare every picture with every text; no collection is needed.

    PATHs are pictures or folders of them; what cannot be read is left out and said. For each
    pair: the cosine (-1 to 1), and the softmax over the texts of one image at the
    tower's own temperature: which of these texts it is, as a share of 1.
    """
    tower_options = clipsearch.TowerOptions(precision)
    embedder = clipsearch.Embedder(model or "builtin", options=tower_options)
    files, failed = _files(paths)
    wanted = embedder.embed_texts(texts)
    found = embedder.embed_files(files)
    failed += found.failed
    images, cosines = found.paths, found.embeddings @ wanted.T
    shares = embedder.probabilities(cosines)
    if form == "json":
        fields = {
            "tower": tower_record(embedder.tower.identity),
            **path_list_fields("images", images),
            "texts": list(texts),
            "cosine": _rounded(cosines),
            "softmax": _rounded(shares),
            "failed": [skip_record(skip) for skip in failed],
        }
        print_json("score", fields)
    elif form == "csv":
        print_csv(COLUMNS, _pairs(images, texts, cosines, shares))
    elif sys.stdout.isatty():
        print_table(
            [*(f">{quoted(text)}" for text in texts), "image"],
            _matrix(images, cosines, shares),
        )
    else:
        pairs = _pairs(images, texts, cosines, shares)
        print_lines((quoted(image), quoted(text), *numbers) for image, text, *numbers in pairs)
    say_left_out(failed, "`--json` lists them all.")
    return code_of(len(images), len(failed))


def _files(paths: Sequence[Path]) -> tuple[list[Path], list[clipsearch.Skip]]:
    """The pictures at the PATHs and in folders there, and what is none. Raises UsageError."""
    from clipsearch.captioning import find_files
    from clipsearch.images import ScanRules

    refuse_absent(paths)
    files: list[Path] = []
    failed: list[clipsearch.Skip] = []
    for path in paths:
        if not path.is_dir():
            files.append(path)
            continue
        for found in find_files([path], ScanRules()):
            if isinstance(found, clipsearch.Skip):
                failed.append(found)
            else:
                files.append(found.path)
    return files, failed


def _pairs(
    images: Sequence[Path], texts: Sequence[str], cosines: Embeddings, shares: Embeddings
) -> Iterator[tuple[Path, str, str, str]]:
    for row, image in enumerate(images):
        for column, text in enumerate(texts):
            yield image, text, f"{cosines[row, column]:.4f}", f"{shares[row, column]:.4f}"


def _matrix(
    images: Sequence[Path], cosines: Embeddings, shares: Embeddings
) -> Iterator[Sequence[str]]:
    for image, cosine, share in zip(images, cosines, shares, strict=True):
        cells = zip(cosine.tolist(), share.tolist(), strict=True)
        yield [*(f"{one:.4f} {part:4.0%}" for one, part in cells), quoted(image)]


def _rounded(matrix: Embeddings) -> list[list[float]]:
    return [[round(float(value), 6) for value in row] for row in matrix]
