"""Whether a model's captions are better weighed one by one than all alike.

    python benchmarks/generated_confidence.py DATA CAPTIONS [--cache DIR]

DATA and CAPTIONS as for `generated.py`. Captions are weighed by their confidence, left out below
one, or left out where they do not fit their own picture: where that is not so many standard
deviations nearer to them than the average picture. The first table is of the half of Flickr8k
dev to choose by, the others are of the other half and of COCO dev.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from fusion import Pictures, embedded, halves
from generated import CUTS, Said, asked, collections, hit, ranks, said, surprise
from numpy.typing import NDArray

from clipsearch import load_towers
from clipsearch.catalogue import words
from clipsearch.search.evidence import GENERATED
from clipsearch.settings import default_home
from clipsearch.towers import TowerPair


def main() -> None:
    """Print a table for each set."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("data", type=Path)
    parser.add_argument("captions", type=Path)
    parser.add_argument("--cache", type=Path, help="keep embeddings in this folder")
    given = parser.parse_args()
    tower = load_towers("builtin", default_home())
    flickr, coco = (
        (
            embedded(given.data, f"{name}.csv", tower, given.cache),
            said(given.data, given.captions, f"{name}.csv", tower),
        )
        for name in ("flickr8k", "coco")
    )
    chosen_by, held_out = halves(len(flickr[0].images))
    show("Flickr8k dev, to choose by", flickr[0].of(chosen_by), flickr[1].of(chosen_by), tower)
    show("Flickr8k dev, other half", flickr[0].of(held_out), flickr[1].of(held_out), tower)
    show("COCO dev", *coco, tower)


def ways(pictures: Pictures, captions: Said) -> dict[str, NDArray[np.float64]]:
    """What each caption counts [n], by the name of the way."""
    sure, cosines = captions.confidence, captions.embeddings @ pictures.images.T
    fits = (cosines.diagonal() - cosines.mean(axis=1)) / cosines.std(axis=1)
    alike = np.full(len(sure), GENERATED)
    return {
        "nothing": np.zeros(len(sure)),
        f"{GENERATED} each": alike,
        **{f"{GENERATED} from {least}": np.where(sure >= least, alike, 0) for least in LEAST},
        **{f"{share} of its confidence": share * sure for share in (0.5, 0.75, 1.0)},
        **{f"{GENERATED} where it fits by {z}": np.where(fits >= z, alike, 0) for z in (1.5, 2, 3)},
    }


LEAST = (0.2, 0.3, 0.4, 0.5, 0.6)


def show(name: str, pictures: Pictures, captions: Said, tower: TowerPair) -> None:
    """A line for each way: nats and hits where people told of no picture, and of half."""
    word = words.WEIGHTS["generated"]
    held = [
        asked(pictures, captions, told, tower, (word,)) for told in collections(len(captions.texts))
    ]
    print(f"{name}\n\n| a model's caption counts | none by people: nats, hit@1, 5, 10 | half |")
    print("|---|---|---|")
    for way, weight in ways(pictures, captions).items():
        cells = []
        for each in held:
            scores = each.scores(weight, word)
            own = ranks(scores)
            hits = ", ".join(f"{hit(own, cut).mean():.1f}" for cut in CUTS)
            cells.append(f"{surprise(scores):.3f}, {hits}")
        print(f"| {way} | {' | '.join(cells)} |", flush=True)
    print()


if __name__ == "__main__":
    main()
