"""From cosines to probabilities: one logistic curve for all towers and collections.

Platt, "Probabilistic outputs for support vector machines" (1999), with several numbers in the
place of one. The constants were fitted by `benchmarks/calibration.py`; docs/calibration.md
says on what, and how well they hold elsewhere.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clipsearch.calibration.background import Background, nearness, standings
from clipsearch.values import Embeddings

CONSTANTS = (-2.948, 0.267, 0.775, 2.380, 0.186, 0.233)
"""The intercept, and the weight of each column of `evidence`."""

MATCHED = 0.2
"""A query of which no picture is as probable as this matches nothing."""
EXCLUDED = 0.1
"""A picture is left out by a text of which it is as probable as this."""

_FEW = 10.0
_LEAST = 1e-4
_BOUND = 8.0


def probabilities(
    background: Background, query: Embeddings, pictures: Embeddings
) -> NDArray[np.float64]:
    """How probable it is that each picture [n, dim] shows what a text's embedding [dim] says.

    float64 [n], 0 to 1. It rises with the cosine only if the picture's background stays the
    same: a picture near to all texts is less probable than its cosine looks.
    """
    intercept, *weights = CONSTANTS
    logits = intercept + evidence(background, query, pictures) @ np.array(weights)
    return np.asarray(1.0 / (1.0 + np.exp(-logits)))


def evidence(
    background: Background, query: Embeddings, pictures: Embeddings
) -> NDArray[np.float64]:
    """What speaks for each picture, float64 [n, 5].

    1. its cosine, against the best cosines of the background texts
    2. its standing among the texts of the same picture, against the best standings
    3. how wide the query's cosines spread over the collection, against the texts' (logarithm)
    4. how familiar the query is: its cosine with the nearest texts, against theirs
    5. how many pictures there are (logarithm): among many, one is near by chance

    Of a few pictures the spread says little; it counts as n / (n + 10).
    """
    figures, row = background.figures, query.reshape(1, -1)
    cosines = pictures @ row.T
    standing = standings(cosines, pictures @ background.texts.T)
    spread = float((background.sample @ query).std())
    wide = np.log((spread + _LEAST) / (figures.spread + _LEAST))
    kin = float(nearness(row, background.texts)[0])
    columns = np.empty((len(pictures), 5))
    columns[:, 0] = (cosines[:, 0] - figures.best) / figures.best_spread
    columns[:, 1] = (standing[:, 0] - figures.standing) / figures.standing_spread
    columns[:, 2] = wide * figures.images / (figures.images + _FEW)
    columns[:, 3] = (kin - figures.kin) / figures.kin_spread
    columns[:, 4] = np.log(max(figures.images, 1))
    return np.clip(columns, -_BOUND, _BOUND)
