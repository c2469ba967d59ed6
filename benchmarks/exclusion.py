"""How well `--not` leaves out what a text describes, on captioned photographs.

    python benchmarks/exclusion.py --data DIR --cache DIR

Of the first 100 hits of a query in Flickr8k's dev split: which of those left out show the other
noun (a caption has it), and which part of those that show it is left out.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from presence import embedded, embedded_texts, read_nouns, read_table
from rich.console import Console
from rich.table import Table

from clipsearch.calibration import (
    EXCLUDED,
    background_texts,
    measure_background,
    probabilities,
)
from clipsearch.towers import load_towers

PAIRS = (
    *(("dog", "beach"), ("dog", "snow"), ("dog", "ball"), ("dog", "grass"), ("child", "beach")),
    *(("child", "swing"), ("man", "bicycle"), ("man", "mountain"), ("woman", "hat")),
    *(("boy", "swimming pool"), ("girl", "dress"), ("crowd", "concert")),
)
FIRST = 100


def main() -> None:
    """Print a row for each pair, and their sum."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    asked = parser.parse_args()
    nouns = read_nouns()
    places = {noun.name: place for place, noun in enumerate(nouns)}
    dev = read_table(asked.data, "flickr8k", nouns, 1000)
    tower = load_towers("builtin", asked.cache)
    pictures = embedded(asked.data, asked.cache, dev, tower)
    texts = embedded_texts(asked.cache, background_texts(), tower)
    background = measure_background(texts, [(np.arange(len(pictures)), pictures)], len(pictures))
    assert background is not None
    table = Table("query", "--not", "show it", "left out", "precision", "recall")
    total = np.zeros(3, int)
    for wanted, unwanted in PAIRS:
        query, other = embedded_texts(
            asked.cache, [nouns[places[name]].query for name in (wanted, unwanted)], tower
        )
        first = np.argsort(-(pictures @ query))[:FIRST]
        out = probabilities(background, other, pictures[first]) >= EXCLUDED
        shows = dev.mentions[first, places[unwanted]] > 0
        counts = np.array([shows.sum(), out.sum(), (out & shows).sum()])
        total += counts
        table.add_row(wanted, unwanted, *row(counts))
    table.add_row("all", "", *row(total))
    Console().print(table)


def row(counts: np.ndarray) -> list[str]:
    """Numbers, precision and recall."""
    shows, out, both = counts.tolist()
    return [str(shows), str(out), share(both, out), share(both, shows)]


def share(part: int, whole: int) -> str:
    """In percent; a dash of nothing."""
    return f"{part / whole:.0%}" if whole else "-"


if __name__ == "__main__":
    main()
