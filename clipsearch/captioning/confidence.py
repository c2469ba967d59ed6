"""How sure a caption is: a logistic over four numbers, fitted on pictures held out."""

from __future__ import annotations

import math

import numpy as np

from clipsearch.captioning.folder import Calibration
from clipsearch.captioning.hypotheses import Hypothesis
from clipsearch.values import Pixels

ENOUGH = 1.5
"""Detail beyond this says no more: of 1,000 photographs all but one have it."""


Evidence = tuple[float, float, float, float]


def evidence(path: Hypothesis, pixels: Pixels, fit: float) -> Evidence:
    """The mean log-probability of a token, that of the least likely one, whether there is
    anything to see (the picture's detail up to what is enough, from 0 to 1), and the cosine of
    picture and caption. Of a name that was proposed (`naming.py`) the tokens share what is known of
    all of it.
    """
    return path.mean, path.least, min(detail(pixels), ENOUGH) / ENOUGH, fit


def detail(pixels: Pixels) -> float:
    """How much there is to see in a picture [h, w, 3]: log2 of 1 + how far neighbours differ.

    The mean absolute difference of horizontal and vertical neighbours, from 0 to 255: 0 for a
    uniform picture, 3 to 4 for most photographs, 6 for noise.
    """
    grey = pixels.astype(np.float32).mean(axis=2)
    across = np.abs(np.diff(grey, axis=1)).mean()
    down = np.abs(np.diff(grey, axis=0)).mean()
    return math.log2(1.0 + float(across + down) / 2)


def confidence(calibration: Calibration, found: Evidence) -> float:
    """The probability that a caption with this evidence is as good as most, from 0 to 1."""
    pairs = zip(calibration.weights, found, strict=True)
    sum_ = calibration.bias + sum(weight * value for weight, value in pairs)
    if not math.isfinite(sum_):
        return 0.0  # of what a tower cannot embed nothing is known
    return 1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, sum_))))
