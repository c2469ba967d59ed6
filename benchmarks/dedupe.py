"""Precision and recall of `clipsearch dedupe` on copies made of real photographs.

    python benchmarks/dedupe.py FOLDER [--originals 800] [--skip 300] [--seed 0] [--json]

Of each original four copies and one other moment are made, each in a way that is drawn; all lie
in one collection with the originals. A copy is found if it is grouped as copy with its original
or another copy of it; every pair of a kept file with one called its copy that is not of the same
original, or is another moment, counts against precision. `--skip` leaves out the first pictures
of the shuffled folder, on which the thresholds were chosen. The peer is the perceptual hash of
ImageHash compared with all others, at the distance that imagededup takes by default (10 of 64
bits): what it pairs with the original.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import imagehash
import numpy as np
from copies import COPIES, MOMENTS, another_moment
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.table import Table

from clipsearch import Collection, DuplicateGroup, Duplicates

ORIGINAL = "original"
COPIES_EACH = 4
PEER_DISTANCE = 10


@dataclass(frozen=True, slots=True)
class Made:
    """A file: of which original, and what was done to it."""

    path: Path
    original: int
    edit: str


def main() -> None:
    """Make the pictures, find their duplicates, and print what was found of each kind."""
    arguments = parsed()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "pictures"
        made = make(originals(arguments), folder, np.random.default_rng(arguments.seed))
        with Collection(home=Path(scratch) / "home") as collection:
            collection.ingest([folder])
            began = time.perf_counter()
            first = collection.duplicates()
            between = time.perf_counter()
            collection.duplicates()
            seconds = between - began, time.perf_counter() - between
        result = {
            "pictures": len(made),
            "seconds_first": round(seconds[0], 1),
            "seconds_again": round(seconds[1], 1),
            "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000),
            "dedupe": measured(made, first),
            "phash": peer(made),
        }
    if arguments.json:
        print(json.dumps(result, indent=2))
    else:
        show(result)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path, help="photographs, each another")
    parser.add_argument("--originals", type=int, default=800)
    parser.add_argument("--skip", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def originals(arguments: argparse.Namespace) -> list[Path]:
    files = sorted(path for path in arguments.folder.iterdir() if path.is_file())
    random.Random(arguments.seed).shuffle(files)
    return files[arguments.skip : arguments.skip + arguments.originals]


def make(sources: Sequence[Path], folder: Path, drawn: np.random.Generator) -> list[Made]:
    """Write originals, copies and other moments under names that say nothing."""
    folder.mkdir()
    made: list[Made] = []

    def write(content: bytes, original: int, edit: str) -> None:
        path = folder / f"{len(made):06}"
        path = path.with_suffix(".png" if edit == ORIGINAL else ".jpg")
        path.write_bytes(content)
        made.append(Made(path, original, edit))

    for number, source in enumerate(sources):
        image = Image.open(source).convert("RGB")
        other = Image.open(sources[number - 1]).convert("RGB")
        path = folder / "original.png"
        image.save(path)
        write(path.read_bytes(), number, ORIGINAL)
        path.unlink()
        for edit in drawn.choice(list(COPIES), COPIES_EACH, replace=False):
            write(COPIES[edit](image, drawn), number, str(edit))
        kind = str(drawn.choice(MOMENTS))
        write(another_moment(image, kind, other, drawn), number, kind)
    return made


def measured(made: Sequence[Made], found: Duplicates) -> dict[str, object]:
    """Recall of each kind of copy, precision of the tiers, and what became of other moments."""
    by_path = {each.path: each for each in made}
    called = {tier: pairs(found.groups, tier, by_path) for tier in ("exact", "copy", "lookalike")}
    copies = called["exact"] + called["copy"]
    together = {each.path for pair in copies if right(*pair) for each in pair}
    alike = {each.path for pair in called["lookalike"] for each in pair}
    return {
        "recall": of_each(made, COPIES, together),
        "precision": precision(copies),
        "wrong_pairs": Counter(kind_of_mistake(*pair) for pair in copies if not right(*pair)),
        "moments_called_copies": of_each(
            made, MOMENTS, {each.path for pair in copies for each in pair if each.edit in MOMENTS}
        ),
        "moments_called_lookalikes": of_each(made, MOMENTS, alike),
        "lookalikes_of_one_original": precision_of_lookalikes(called["lookalike"]),
    }


def pairs(
    groups: Sequence[DuplicateGroup], tier: str, by_path: dict[Path, Made]
) -> list[tuple[Made, Made]]:
    return [
        (by_path[group.kept.path], by_path[other.path])
        for group in groups
        if group.tier == tier
        for other in group.others
    ]


def right(kept: Made, other: Made) -> bool:
    return kept.original == other.original and not {kept.edit, other.edit} & set(MOMENTS)


def kind_of_mistake(kept: Made, other: Made) -> str:
    return "another original" if kept.original != other.original else "another moment"


def of_each(made: Sequence[Made], kinds: Iterable[str], found: set[Path]) -> dict[str, str]:
    """Of each kind of edit: how many were found, of how many."""
    counts = {}
    for kind in kinds:
        some = [each.path in found for each in made if each.edit == kind]
        counts[kind] = f"{sum(some)} of {len(some)}"
    return counts


def precision(called: Sequence[tuple[Made, Made]]) -> str:
    return f"{sum(right(*pair) for pair in called)} of {len(called)}"


def precision_of_lookalikes(called: Sequence[tuple[Made, Made]]) -> str:
    same = sum(kept.original == other.original for kept, other in called)
    return f"{same} of {len(called)}"


def peer(made: Sequence[Made]) -> dict[str, object]:
    """The perceptual hash: pairs of any two files within the distance."""
    began = time.perf_counter()
    hashes = np.stack([np.packbits(imagehash.phash(Image.open(m.path)).hash) for m in made])
    hashed = time.perf_counter() - began
    near = [np.flatnonzero(distances(hashes, each) <= PEER_DISTANCE) for each in hashes]
    together: set[Path] = set()
    called: list[tuple[Made, Made]] = []
    for at, others in enumerate(near):
        some = [(made[at], made[other]) for other in others if other > at]
        called += some
        together |= {each.path for pair in some if right(*pair) for each in pair}
    moments = {each.path for pair in called for each in pair if each.edit in MOMENTS}
    return {
        "recall": of_each(made, COPIES, together),
        "precision": precision(called),
        "wrong_pairs": Counter(kind_of_mistake(*pair) for pair in called if not right(*pair)),
        "moments_called_copies": of_each(made, MOMENTS, moments),
        "seconds": round(time.perf_counter() - began, 1),
        "seconds_hashing": round(hashed, 1),
    }


def distances(hashes: NDArray[np.uint8], one: NDArray[np.uint8]) -> NDArray[np.int64]:
    return np.bitwise_count(hashes ^ one).sum(axis=1, dtype=np.int64)


def show(result: dict[str, object]) -> None:
    ours, theirs = result["dedupe"], result["phash"]
    assert isinstance(ours, dict)
    assert isinstance(theirs, dict)
    table = Table("copy", "dedupe", "phash")
    for kind, count in ours["recall"].items():
        table.add_row(kind, count, theirs["recall"][kind])
    console = Console()
    console.print(table)
    console.print({key: value for key, value in result.items() if not isinstance(value, dict)})
    for way in (ours, theirs):
        console.print({key: value for key, value in way.items() if key != "recall"})


if __name__ == "__main__":
    main()
