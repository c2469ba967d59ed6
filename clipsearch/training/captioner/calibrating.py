"""How sure a caption is, learned on the dev pictures: those that turned out good, and not.

Beside the dev pictures stand some without content: uniform, ramps, noise. Their captions are
bad whatever they say.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from clipsearch.durable import write_durably
from clipsearch.measures.caption_words import caption_words
from clipsearch.measures.cider import CiderD
from clipsearch.towers.folder import read_tower_folder
from clipsearch.training.captioner.logistic import fit_logistic
from clipsearch.training.captioner.run import DESCRIPTION, Plan
from clipsearch.training.tuning.material import Pictured
from clipsearch.training.tuning.views import whole_picture
from clipsearch.values import Pixels, Preprocessing, Skip

BATCH = 16
EMPTY_PART = 5
"""For so many dev pictures one without content."""

Weigh = Callable[[Pixels], Sequence[tuple[str, tuple[float, float, float]]]]
"""Captions of pictures [n, h, w, 3], each with the evidence for it."""


@dataclass(frozen=True, slots=True)
class Calibrated:
    """Bias and weights, and on how many pictures with and without content they were fitted."""

    bias: float
    weights: tuple[float, ...]
    pictures: int
    empty: int


def calibrate(plan: Plan, weigh: Weigh) -> Calibrated:
    """Caption the dev pictures and write the logistic of what turned out good to the captioner.

    Good is a CIDEr-D of at least the median of the dev set. What cannot be read is left out.
    """
    preprocessing = read_tower_folder(plan.tower).preprocessing
    kept, pixels = _readable(plan.dev.pictures, preprocessing)
    weighed = [each for batch in _batches(pixels) for each in weigh(batch)]
    measure = CiderD([[caption_words(text) for text in each.captions] for each in kept])
    scores = np.array([measure.score(at, caption_words(t)) for at, (t, _) in enumerate(weighed)])
    empty = list(empty_pictures(preprocessing, max(1, len(kept) // EMPTY_PART), plan.settings.seed))
    without = [each for batch in _batches(empty) for each in weigh(batch)]
    good = np.concatenate([scores >= np.median(scores), np.zeros(len(without), bool)])
    evidence = np.array([found for _, found in (*weighed, *without)])
    bias, weights = fit_logistic(evidence, good)
    path = plan.out / DESCRIPTION
    described = json.loads(path.read_bytes())
    described["calibration"] = {"bias": bias, "weights": list(weights)}
    write_durably(path, (json.dumps(described, indent=2) + "\n").encode())
    return Calibrated(bias, weights, len(kept), len(empty))


def empty_pictures(preprocessing: Preprocessing, count: int, seed: int) -> Iterator[Pixels]:
    """Pictures that show nothing: of one colour, from one colour to another, noise."""
    height, width = preprocessing.height, preprocessing.width
    random = np.random.default_rng(seed)
    for number in range(count):
        one, other = random.integers(0, 256, (2, 3))
        if number % 3 == 0:
            colour = one * (number % 2)  # every other one is black
            yield np.full((height, width, 3), colour, np.uint8)
        elif number % 3 == 1:
            ramp = np.linspace(0, 1, width)[None, :, None]
            yield np.tile(one + (other - one) * ramp, (height, 1, 1)).astype(np.uint8)
        else:
            yield random.integers(0, 256, (height, width, 3)).astype(np.uint8)


def _readable(
    pictures: Sequence[Pictured], preprocessing: Preprocessing
) -> tuple[list[Pictured], list[Pixels]]:
    kept, pixels = [], []
    for each in pictures:
        found = whole_picture(each, preprocessing)
        if not isinstance(found, Skip):
            kept.append(each)
            pixels.append(found)
    return kept, pixels


def _batches(pixels: Sequence[Pixels]) -> Iterator[Pixels]:
    for start in range(0, len(pixels), BATCH):
        yield np.stack(pixels[start : start + BATCH])
