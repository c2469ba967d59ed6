"""What is found in a folder of mixed photographs before and after `clipsearch caption`.

    python benchmarks/captioned_folder.py DATA

DATA holds tables (filepath,title,split) with the pictures beside them, unpacked; of each, only rows
are taken that nothing was trained on (`test`, else `dev`). Tables whose titles are made from class
names ("a photo of a kitchen", "a photo of kiwi in a grocery store") give the queries, "a kitchen",
"kiwi", and what is right: every picture of the same name. Pictures that people captioned stand
among them and are right for nothing. All are copied to numbers as names, since names are searched,
too. Indexing, captioning and searching are those of a user.
"""

from __future__ import annotations

import argparse
import csv
import os
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from fusion import with_bounds
from numpy.typing import NDArray

from clipsearch import Collection, Query, Words
from clipsearch.captions.plain_words import plain

NAMED = ("imagenet_sample", "grocery", "clothing", "houses", "intel_scenes", "weather")
OTHERS = ("flickr8k", "coco")
NAME, DEPTH, DRAWN = "mixed", 50, 2000
MEASURES = ("hit@1", "hit@10", f"AP@{DEPTH}")
Numbers = NDArray[np.float64]


def main() -> None:
    """Index, ask, caption, ask again."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("data", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        home, folder = Path(scratch, "home"), Path(scratch, "photos")
        folder.mkdir()
        labels = {table: numbered(labelled(given.data, table), folder) for table in NAMED}
        for table in OTHERS:
            numbered(labelled(given.data, table), folder)
        files = list(folder.iterdir())
        run(home, "index", str(folder), "--quiet")
        before = {table: measured(home, own) for table, own in labels.items()}
        run(home, "caption", "--write", "catalogue", "--quiet")
        after = {table: measured(home, own) for table, own in labels.items()}
        named = {table: told(home, own) for table, own in labels.items()}
    print(f"{len(files)} pictures")
    print(f"| names of | queries | {' | '.join(f'{each} | captioned' for each in MEASURES)} |")
    print("|---|---|" + "---|---|" * len(MEASURES))
    for table in NAMED:
        show(table, before[table], after[table])
    show("all", np.concatenate(list(before.values())), np.concatenate(list(after.values())))
    print("| names of | pictures | captions that are the name |")
    print("|---|---|---|")
    for table, right in named.items():
        print(f"| {table} | {len(right)} | {100 * np.mean(right):.1f} % |")


def labelled(data: Path, table: str) -> dict[Path, str]:
    """The name in the title of each picture that nothing was trained on."""
    with (data / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    splits = {row["split"] for row in rows}
    kept = "test" if "test" in splits else "dev"
    return {data / row["filepath"]: label(row["title"]) for row in rows if row["split"] == kept}


def numbered(labels: Mapping[Path, str], folder: Path) -> dict[Path, str]:
    """The pictures copied under names that say nothing, with their labels."""
    start = len(list(folder.iterdir()))
    return {
        Path(shutil.copy(path, folder / f"{number:05}{path.suffix}")): name
        for number, (path, name) in enumerate(labels.items(), start)
    }


def label(title: str) -> str:
    """What somebody would look for."""
    return title.removeprefix("a photo of ").removesuffix(" in a grocery store")


def run(home: Path, *arguments: str) -> None:
    """A command of the program, on this collection."""
    command = [sys.executable, "-m", "clipsearch.cli", *arguments, "--collection", NAME]
    subprocess.run(command, check=True, env={**os.environ, "CLIPSEARCH_HOME": str(home)})


def measured(home: Path, labels: Mapping[Path, str]) -> Numbers:
    """Every measure of every name: [names, measures], from 0 to 100."""
    right = defaultdict(set)
    for path, name in labels.items():
        right[name].add(path.resolve())
    with Collection(NAME, home=home) as collection:
        found = {
            name: [path for hit in collection.search(Query([Words(name)], k=DEPTH))
                   for path in hit.image.paths[:1]]
            for name in right
        }  # fmt: skip
    return np.array([scores([p in right[n] for p in found[n]], len(right[n])) for n in right])


def told(home: Path, labels: Mapping[Path, str]) -> list[bool]:
    """Whether each picture's new caption is its name and nothing else."""
    with Collection(NAME, home=home) as collection:
        captions = {image.paths[0]: image.captions[0].text for image in collection if image.paths}
    return [label(plain(captions[path.resolve()])) == plain(name) for path, name in labels.items()]


def scores(good: Sequence[bool], count: int) -> list[float]:
    """hit@1, hit@10 and the average precision of one ranking, of `count` right pictures."""
    hits = np.asarray(good, np.float64)
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    average = float((precision * hits).sum() / min(count, DEPTH))
    return [100.0 * hits[0], 100.0 * hits[:10].max(), 100.0 * average]


def show(name: str, before: Numbers, after: Numbers) -> None:
    """A row of the table, the gain with its 95 % interval over names."""
    drawn = np.random.default_rng(0).integers(0, len(before), (DRAWN, len(before)))
    cells = [name, str(len(before))]
    for own, then in zip(before.T, after.T, strict=True):
        gain, low, high = with_bounds(then - own, drawn)
        cells += [f"{own.mean():.1f}", f"{then.mean():.1f}, {gain:+} ({low} to {high})"]
    print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
