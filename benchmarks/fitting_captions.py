"""Whether captions are better where the towers have a say in which of them is taken.

    python benchmarks/fitting_captions.py DATA

DATA as for captioned_folder.py, with flickr8k.csv and coco.csv among it. For weights of the cosine
of picture and caption (`FIT` of clipsearch/captioning/captioner.py), and parts that the image
tower's detectors have in a name's probability (`SHARE` of clipsearch/captioning/naming.py): CIDEr-D
on both halves of Flickr8k dev, of which the first is there to choose by, and on COCO dev; what part
of the other sets' pictures is captioned by its name and nothing else; and how often, of two
pictures, the one with the higher confidence has the better CIDEr-D (the confidence is calibrated
for the pair that ships).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import patch

import numpy as np
from captioned_folder import NAMED, OTHERS, label, labelled
from numpy.typing import NDArray

from clipsearch.caption_writing import WrittenCaption
from clipsearch.captioning import Captioner
from clipsearch.captions.plain_words import plain
from clipsearch.evaluation.captions import concordance
from clipsearch.images import decode_picture
from clipsearch.measures.caption_words import caption_words
from clipsearch.measures.cider import CiderD
from clipsearch.training.tuning.sources import read_set
from clipsearch.values import Pixels

TRIED = ((0.0, 0.0), (0.5, 0.0), (2.0, 0.0), (0.5, 0.1), (0.5, 0.25))
"""Weights of the cosine, parts of the detectors."""
Numbers = NDArray[np.float64]


def main() -> None:
    """Caption everything once for each pair."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("data", type=Path)
    data = parser.parse_args().data
    captioner = Captioner()
    captioned = {table: read_set(str(data / f"{table}.csv"), "dev").pictures for table in OTHERS}
    measures = {
        table: CiderD([[caption_words(text) for text in each.captions] for each in pictures])
        for table, pictures in captioned.items()
    }
    pixels = {
        table: seen([Path(each.path) for each in pictures], captioner)
        for table, pictures in captioned.items()
    }
    named = {table: labelled(data, table) for table in NAMED}
    pixels |= {table: seen(list(own), captioner) for table, own in named.items()}
    heads = ["Flickr8k, even", "odd", "COCO", *NAMED, *(f"surer, {table}" for table in OTHERS)]
    print(f"| cosine | detectors | {' | '.join(heads)} |")
    for weight, share in TRIED:
        with (
            patch("clipsearch.captioning.captioner.FIT", weight),
            patch("clipsearch.captioning.naming.SHARE", share),
        ):
            written = {table: captioner.write(own) for table, own in pixels.items()}
        scores = {table: scored(measures[table], written[table]) for table in OTHERS}
        flickr8k, coco = (scores[table] for table in OTHERS)
        cells = [f"{each.mean():.4f}" for each in (flickr8k[::2], flickr8k[1::2], coco)]
        for table, own in named.items():
            told = [label(plain(each.text)) for each in written[table]]
            right = [each == plain(name) for each, name in zip(told, own.values(), strict=True)]
            cells.append(f"{100 * np.mean(right):.1f}")
        for table in OTHERS:
            sure = [each.confidence or 0.0 for each in written[table]]
            cells.append(f"{100 * concordance(sure, scores[table].tolist()):.1f}")
        print(f"| {weight} | {share} | {' | '.join(cells)} |", flush=True)


def seen(paths: Sequence[Path], captioner: Captioner) -> Pixels:
    """The pictures as the captioner takes them."""
    return np.stack([decode_picture(path, captioner.preprocessing).pixels for path in paths])


def scored(measure: CiderD, written: Sequence[WrittenCaption]) -> Numbers:
    """The CIDEr-D of each caption."""
    words = [caption_words(each.text) for each in written]
    return np.array([measure.score(at, each) for at, each in enumerate(words)])


if __name__ == "__main__":
    main()
