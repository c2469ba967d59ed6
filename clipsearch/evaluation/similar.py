"""Image-to-image retrieval: are the nearest pictures of the same label?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from clipsearch.evaluation.retrieval import MEASURES, ROWS_AT_ONCE, cosines
from clipsearch.evaluation_errors import NothingToMeasure
from clipsearch.measures import joined, right_ranks
from clipsearch.values import Embeddings


def similar(images: Embeddings, labels: Sequence[str]) -> dict[str, float]:
    """Ask with every picture for the others of its label; it is itself no answer.

    `images` [n, d]. A picture alone in its label asks nothing. Raises NothingToMeasure.
    """
    kinds = np.unique(np.array(labels), return_inverse=True)[1]
    parts = []
    for start in range(0, len(images), ROWS_AT_ONCE):
        rows = np.arange(start, min(start + ROWS_AT_ONCE, len(images)))
        scores, right = cosines(images[rows], images), kinds[rows, None] == kinds[None, :]
        scores[np.arange(len(rows)), rows] = np.nan
        right[np.arange(len(rows)), rows] = False
        parts.append(right_ranks(scores, right))
    ranks = joined(parts)
    if not ranks.of:
        raise NothingToMeasure(labels[0], "no label has two pictures")
    return {"queries": float(len(ranks.of)), **{each.name: each.of(ranks) for each in MEASURES}}
