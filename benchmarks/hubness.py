"""What it brings to take a share of a picture's hubness off its cosine: text to image, hit@k.

    python benchmarks/hubness.py DATA [--cache DIR] [--fit]

DATA holds flickr8k.csv and coco.csv (filepath,title,split) with the pictures beside them; all five
captions of a picture are queries. Nothing but pictures is ranked. `--fit` shows, on the half of
Flickr8k dev that is not measured, how surprised each share and number of centres is by the right
picture (mean nats of a softmax over the collection, the pictures' evidence scaled as suits it).
"""

from __future__ import annotations

import argparse
from pathlib import Path
from unittest.mock import patch

import numpy as np
from fusion import CUTS, Pictures, Scores, embedded, halves, with_bounds

from clipsearch import load_towers
from clipsearch.calibration import Hubness, hubness, hubness_of
from clipsearch.search.hubs import SampledHubs
from clipsearch.settings import default_home

SHARES = (0.0, 0.2, 0.3, 0.4, 0.5, 0.6)
NEAREST = (5, 10, 20)
SCALES = np.arange(1.6, 3.2, 0.1)


def main() -> None:
    """Fit, or measure both sets."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("data", type=Path)
    parser.add_argument("--cache", type=Path, help="keep embeddings in this folder")
    parser.add_argument("--fit", action="store_true")
    given = parser.parse_args()
    tower = load_towers("builtin", default_home())
    hubs = hubness_of(tower.identity.digest)
    assert hubs is not None, "the tower that ships has its centres: see sentence_centres"
    flickr = embedded(given.data, "flickr8k.csv", tower, given.cache)
    fitted, held_out = halves(len(flickr.images))
    if given.fit:
        show_fit(flickr.of(fitted), hubs)
        return
    print("| set | ranked by | hit@1 | hit@5 | hit@10 | gain in hit@1 | gain in hit@10 |")
    print("|---|---|---|---|---|---|---|")
    show("Flickr8k dev, half", flickr.of(held_out), hubs)
    show("COCO dev", embedded(given.data, "coco.csv", tower, given.cache), hubs)


def scores(pictures: Pictures, hubs: Hubness, share: float) -> Scores:
    """The cosines of all queries with all pictures, less a share of the pictures' hubness."""
    queries = pictures.captions.reshape(-1, pictures.images.shape[1])
    counted = SampledHubs.of(hubs, pictures.images).values
    return np.asarray(queries @ pictures.images.T - share * counted, np.float64)


def show_fit(pictures: Pictures, hubs: Hubness) -> None:
    """A line for each share and number of centres."""
    print("| centres | share | nats | hit@1 | hit@5 | hit@10 |")
    print("|---|---|---|---|---|---|")
    for nearest in NEAREST:
        for share in SHARES:
            with patch.object(hubness, "NEAREST", nearest):
                found = scores(pictures, hubs, share)
            own = [100 * (ranks(found) <= cut).mean() for cut in CUTS]
            cells = " | ".join(f"{each:.1f}" for each in own)
            print(f"| {nearest} | {share} | {surprise(found):.4f} | {cells} |", flush=True)


def surprise(found: Scores) -> float:
    """The mean negative log likelihood of the right pictures, at the scale that suits it best."""
    centred = found - found.mean(axis=1, keepdims=True)
    deviations = centred / found.std(axis=1, keepdims=True)
    right = deviations[np.arange(len(found)), np.arange(len(found)) // 5]
    return min(
        float((np.logaddexp.reduce(scale * deviations, axis=1) - scale * right).mean())
        for scale in SCALES
    )


def show(name: str, pictures: Pictures, hubs: Hubness) -> None:
    """A line for the cosine, and one for what `query` ranks pictures by."""
    before = ranks(scores(pictures, hubs, 0.0))
    drawn = np.random.default_rng(1).integers(0, len(before), (2000, len(before)))
    for way, share in (("cosine", 0.0), ("less its hubness", hubness.SHARE)):
        own = ranks(scores(pictures, hubs, share))
        columns = [hit(own, cut) for cut in CUTS]
        columns += [hit(own, cut) - hit(before, cut) for cut in (1, 10)]
        cells = ["{} ({} to {})".format(*with_bounds(each, drawn)) for each in columns]
        print(f"| {name} | {way} | {' | '.join(cells)} |", flush=True)


def ranks(found: Scores) -> Scores:
    """The rank of each query's picture, pessimistic among equals: [pictures, 5]."""
    own = found[np.arange(len(found)), np.arange(len(found)) // 5]
    return np.asarray((found >= own[:, np.newaxis]).sum(axis=1).reshape(-1, 5), np.float64)


def hit(own: Scores, cut: int) -> Scores:
    """hit@k in percent of each picture, over its queries: so intervals are over pictures."""
    return np.asarray(100.0 * (own <= cut).mean(axis=1))


if __name__ == "__main__":
    main()
