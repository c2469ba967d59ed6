"""How well probabilities hold, and the constants of the curve.

    python benchmarks/calibration.py --data DIR --cache DIR [--tower MODEL] [--fit] [--out DIR]

DIR holds flickr8k.csv, coco.csv, grocery.csv, houses.csv and imagenet_sample.csv (columns
filepath, title, split) and the pictures. Half the nouns fit the constants, on pictures of
Flickr8k's and ImageNet's train split and of houses; the other half report on other pictures.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from calibration_report import Told, draw, print_report, print_thresholds
from numpy.typing import NDArray
from presence import (
    Folder,
    Noun,
    Table,
    embedded,
    embedded_texts,
    folder_of,
    read_nouns,
    read_table,
    sampled,
)
from short_queries import FORMS, TRIED, in_form

from clipsearch.calibration import background_texts, evidence, measure_background
from clipsearch.calibration.curve import CONSTANTS
from clipsearch.towers import TowerPair, load_towers
from clipsearch.values import Embeddings

NAMES = ("flickr8k", "coco", "grocery", "houses", "imagenet_sample")
FITTED = 2000
"""So many train pictures of Flickr8k fit the constants."""
FIRST, OTHERS = 10, 4


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """One folder asked with one tower: evidence [queries, pictures, 5], cosines, right answers."""

    folder: Folder
    tower: str
    columns: NDArray[np.float64]
    cosines: NDArray[np.float64]
    right: NDArray[np.bool_]
    present: NDArray[np.bool_]


def main() -> None:
    """Fit if asked to, report, draw."""
    asked = parsed()
    nouns = read_nouns()
    tables = {name: read_table(asked.data, name, nouns, asked.most) for name in NAMES}
    towers = [load_towers(name, asked.cache) for name in ("builtin", *asked.tower)]
    constants: Sequence[float] = CONSTANTS
    if asked.fit:
        taught = judge(asked, towers, nouns, fit_folders(tables, nouns))
        constants = fitted(taught)
        print("CONSTANTS =", tuple(round(value, 3) for value in constants))
        print_thresholds([told_by(each, constants) for each in taught])
    judged = judge(asked, towers, nouns, report_folders(tables, nouns))
    told = [told_by(each, constants) for each in judged]
    print_report(told)
    if asked.out is not None:
        draw(told, asked.out)


def told_by(each: Judged, constants: Sequence[float]) -> Told:
    """What the first hits of each query are told to be."""
    return Told(
        each.folder.label,
        each.tower,
        probability(each.columns[:, :FIRST], constants),
        each.cosines[:, :FIRST],
        each.right[:, :FIRST],
        each.present,
    )


def parsed() -> argparse.Namespace:
    """The arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--tower", action="append", default=[])
    parser.add_argument("--most", type=int, default=10_000, help="pictures of a table")
    parser.add_argument(
        "--form", choices=FORMS, default=TRIED[-1], help="how the nouns are asked for"
    )
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--out", type=Path)
    return parser.parse_args()


def fit_folders(tables: dict[str, Table], nouns: Sequence[Noun]) -> Iterator[Folder]:
    """Folders of pictures that nothing is reported on but where said."""
    for name, sizes in (
        ("flickr8k", (10, 30, 100, 300, 1000)),
        ("imagenet_sample", (30, 100, 600)),
        ("houses", (30, 300)),
    ):
        table = tables[name]
        split = "test" if name == "houses" else "train"
        rows = np.flatnonzero(table.split == split) if name != "houses" else all_rows(table)
        for part in sampled(rows[:FITTED], sizes):
            yield folder_of(table, part, nouns, lambda noun: not noun.for_report)


def report_folders(tables: dict[str, Table], nouns: Sequence[Noun]) -> Iterator[Folder]:
    """Folders of other pictures; the last, all of Flickr8k, holds those that fitted, too."""
    flickr, imagenet = tables["flickr8k"], tables["imagenet_sample"]
    dev = np.flatnonzero(flickr.split == "dev")
    unused = np.flatnonzero(flickr.split == "train")[FITTED:]
    parts = [
        *((flickr, rows) for rows in sampled(dev, (20, 300, 1000), 4)),
        (tables["coco"], all_rows(tables["coco"])),
        (tables["grocery"], all_rows(tables["grocery"])),
        (imagenet, np.flatnonzero(imagenet.split == "dev")),
        (flickr, np.concatenate([dev, unused])),
        (flickr, all_rows(flickr)),
    ]
    for table, rows in parts:
        yield folder_of(table, rows, nouns, lambda noun: noun.for_report)


def all_rows(table: Table) -> NDArray[np.int64]:
    """Every picture of a table."""
    return np.arange(len(table.files))


def judge(
    asked: argparse.Namespace,
    towers: Sequence[TowerPair],
    nouns: Sequence[Noun],
    folders: Iterator[Folder],
) -> list[Judged]:
    """Ask every folder for its nouns, with every tower."""
    listed = list(folders)
    judged = []
    for tower in towers:
        texts = rounded(embedded_texts(asked.cache, background_texts(), tower))
        queries = in_form([noun.name for noun in nouns], asked.form, tower, asked.cache)
        held = {
            table.name: embedded(asked.data, asked.cache, table, tower)
            for table in {id(each.table): each.table for each in listed}.values()
        }
        for folder in listed:
            pictures = held[folder.table.name][folder.rows]
            judged.append(judged_folder(folder, tower.identity.name, pictures, texts, queries))
    return judged


def judged_folder(
    folder: Folder, tower: str, pictures: Embeddings, texts: Embeddings, queries: Embeddings
) -> Judged:
    """The first hits of each query, then some other pictures, as `evidence` sees them."""
    chunk = (np.arange(len(pictures)), pictures)
    background = measure_background(texts, [chunk], len(pictures))
    assert background is not None
    draw_others = np.random.default_rng(0)
    asked = (*folder.present, *folder.absent)
    columns, cosines, right = [], [], []
    for place in asked:
        scores = pictures @ queries[place]
        others = draw_others.choice(len(pictures), OTHERS)
        first = np.argsort(-scores)[np.minimum(np.arange(FIRST), len(pictures) - 1)]
        rows = np.concatenate([first, others])
        columns.append(evidence(background, queries[place], pictures[rows]))
        cosines.append(scores[rows])
        right.append(folder.table.mentions[folder.rows[rows], place] > 0)
    present = np.arange(len(asked)) < len(folder.present)
    return Judged(folder, tower, np.stack(columns), np.stack(cosines), np.stack(right), present)


def rounded(rows: Embeddings) -> Embeddings:
    """As a collection keeps them."""
    return rows.astype(np.float16).astype(np.float32)


def probability(columns: NDArray[np.float64], constants: Sequence[float]) -> NDArray[np.float64]:
    """The curve, over evidence [..., 5]."""
    logits = constants[0] + columns @ np.array(constants[1:])
    return np.asarray(1.0 / (1.0 + np.exp(-logits)))


def fitted(judged: Sequence[Judged], rounds: int = 30) -> list[float]:
    """The logistic curve of least loss, by Newton's method.

    Each folder and tower counts the same, and in it the present nouns as much as the absent:
    that is the mixture of queries under which the probabilities hold.
    """
    columns = np.concatenate([each.columns.reshape(-1, 5) for each in judged])
    right = np.concatenate([each.right.ravel() for each in judged])
    weights = np.concatenate([weight_of(each) for each in judged])
    design = np.column_stack([np.ones(len(columns)), columns])
    found = np.zeros(design.shape[1])
    for _ in range(rounds):
        guess = 1.0 / (1.0 + np.exp(-(design @ found)))
        bend = design.T @ (design * (weights * guess * (1 - guess))[:, np.newaxis])
        found += np.linalg.solve(
            bend + 1e-6 * np.eye(len(found)), design.T @ (weights * (right - guess))
        )
    return [float(value) for value in found]


def weight_of(each: Judged) -> NDArray[np.float64]:
    """A weight for each picture of each query; a folder's weights add up to 2."""
    share = np.where(
        each.present, 1.0 / max(1, each.present.sum()), 1.0 / max(1, (~each.present).sum())
    )
    pictures = each.right.shape[1]
    return np.repeat(share / pictures, pictures)


if __name__ == "__main__":
    main()
