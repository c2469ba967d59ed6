"""How sure a caption is, learned on the dev pictures: those that turned out good, and not.

Beside the dev pictures stand those of other kinds that were kept back, and some without content:
uniform, ramps, noise. The captions of these are bad whatever they say.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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

Evidence = Sequence[float]
Weigh = Callable[[Pixels], Sequence[tuple[str, Evidence]]]
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

    Good is a CIDEr-D of at least the median of the dev set. Each set is measured by itself: where
    all captions are "a photo of a NAME", the name alone counts. What cannot be read is left out.
    """
    preprocessing = read_tower_folder(plan.tower).preprocessing
    scores, weighed = [], []
    for each in (plan.dev, *plan.also_dev):
        found = _measured(each.pictures, preprocessing, weigh)
        scores.append(found[0])
        weighed += found[1]
    good = np.concatenate(scores) >= np.median(scores[0])
    count = max(1, len(good) // EMPTY_PART)
    empty = list(empty_pictures(preprocessing, count, plan.settings.seed))
    without = [found for batch in _batches(empty) for _, found in weigh(batch)]
    good = np.concatenate([good, np.zeros(len(without), bool)])
    evidence = np.array([*weighed, *without])
    bias, weights = fit_logistic(evidence, good)
    path = plan.out / DESCRIPTION
    described = json.loads(path.read_bytes())
    described["calibration"] = {"bias": bias, "weights": list(weights)}
    write_durably(path, (json.dumps(described, indent=2) + "\n").encode())
    return Calibrated(bias, weights, len(weighed), len(empty))


def _measured(
    pictures: Sequence[Pictured], preprocessing: Preprocessing, weigh: Weigh
) -> tuple[NDArray[np.float64], list[Evidence]]:
    """The CIDEr-D of the captions of a set, and the evidence for each."""
    kept, pixels = _readable(pictures, preprocessing)
    weighed = [each for batch in _batches(pixels) for each in weigh(batch)]
    measure = CiderD([[caption_words(text) for text in each.captions] for each in kept])
    scores = [measure.score(at, caption_words(text)) for at, (text, _) in enumerate(weighed)]
    return np.array(scores, np.float64), [found for _, found in weighed]


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
