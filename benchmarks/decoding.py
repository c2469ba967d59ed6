"""Decoding for a tower of 256 x 256: the pool against plain Pillow on the same files, in turn.

    python benchmarks/decoding.py [--small 400] [--large 40] [--rounds 5] [--json]

Photographs of 500 x 375 and of 4000 x 3000 pixels as JPEG. Plain Pillow is
`open().convert("RGB").resize()`, in one thread; draft adds `draft("RGB", (512, 512))`. The pool
reads, hashes, decodes and brings the pixels back through a pipe; its workers are started
before the clock. Ratios are medians over rounds in which every way ran once. Processor time
counts this process and its workers, and means more than images/s on a machine that is busy.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from photos import write_photographs
from PIL import Image
from rich.console import Console
from rich.table import Table

from clipsearch.images import DecodeLimits, DecodePool, Scan, ScanRules
from clipsearch.values import Decoded, FoundFile, Preprocessing

SIDE = 256
TOWER = Preprocessing(SIDE, SIDE, "squash", "bicubic", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
SIZES = {"500 x 375": (500, 375), "4000 x 3000": (4000, 3000)}
PLAIN = "Pillow"

Row = dict[str, str | float]


@dataclass(frozen=True, slots=True)
class Run:
    """One way over all files, once."""

    images_per_second: float
    processor_ms: float


def main() -> None:
    """Time every way over both sizes and print images/s and ratios to plain Pillow."""
    arguments = parsed()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as scratch:
        counts = (arguments.small, arguments.large)
        for (name, size), count in zip(SIZES.items(), counts, strict=True):
            folder = Path(scratch) / str(size[0])
            write_photographs(folder, count, size)
            rows += compared(name, found(folder), arguments.rounds)
    if arguments.json:
        print(json.dumps(rows, indent=2))
    else:
        show(rows)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--small", type=int, default=400, help="photographs of 500 x 375")
    parser.add_argument("--large", type=int, default=40, help="photographs of 12 megapixels")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def found(folder: Path) -> list[FoundFile]:
    return [item for item in Scan(folder, ScanRules()) if isinstance(item, FoundFile)]


def compared(size: str, files: Sequence[FoundFile], rounds: int) -> list[Row]:
    """Images/s of every way, the median of the rounds."""
    with DecodePool(TOWER, DecodeLimits(), 1) as one, DecodePool(TOWER, DecodeLimits(), 2) as two:
        ways: dict[str, Callable[[Sequence[FoundFile]], None]] = {
            PLAIN: partial(with_pillow, draft=False),
            "Pillow, draft": partial(with_pillow, draft=True),
            "pool, 1 worker": partial(with_pool, one),
            "pool, 2 workers": partial(with_pool, two),
        }
        for way in ways.values():
            way(files[:8])
        runs: dict[str, list[Run]] = {name: [] for name in ways}
        for _ in range(rounds):
            for name, way in ways.items():
                runs[name].append(timed(way, files))
    return [row(size, name, runs[name], runs[PLAIN]) for name in ways]


def timed(way: Callable[[Sequence[FoundFile]], None], files: Sequence[FoundFile]) -> Run:
    wall, processor = time.perf_counter(), processor_seconds()
    way(files)
    count = len(files)
    seconds = processor_seconds() - processor
    return Run(count / (time.perf_counter() - wall), 1000 * seconds / count)


def processor_seconds() -> float:
    """Processor time of this process and of the workers that it has (Linux)."""
    ticks = 0
    for children in Path("/proc/self/task").glob("*/children"):
        for child in children.read_text().split():
            fields = Path(f"/proc/{child}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def row(size: str, name: str, ours: Sequence[Run], plain: Sequence[Run]) -> Row:
    pairs = zip(ours, plain, strict=True)
    ratio = statistics.median(a.images_per_second / b.images_per_second for a, b in pairs)
    return {
        "size": size,
        "way": name,
        "images_per_second": round(statistics.median(r.images_per_second for r in ours), 1),
        "ratio_to_pillow": round(ratio, 2),
        "processor_ms_per_image": round(statistics.median(r.processor_ms for r in ours), 2),
    }


def with_pillow(files: Sequence[FoundFile], *, draft: bool) -> None:
    for file in files:
        with Image.open(file.path) as image:
            if draft:
                image.draft("RGB", (2 * SIDE, 2 * SIDE))
            shown = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC)
            np.asarray(shown)


def with_pool(pool: DecodePool, files: Sequence[FoundFile]) -> None:
    for answer in pool.decode((file, ()) for file in files):
        if not isinstance(answer, Decoded):
            raise RuntimeError(f"{answer.path} was not decoded")


def show(rows: Sequence[Row]) -> None:
    table = Table("size", "way", "images/s", "x Pillow", "processor ms")
    for entry in rows:
        table.add_row(*(str(value) for value in entry.values()))
    Console().print(table)


if __name__ == "__main__":
    main()
