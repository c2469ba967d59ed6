"""Ranks of the right item, and hit@k: the part of all queries whose right item is among k.

Ranks start at 1 and are pessimistic: whatever scores as high as the right item stands before
it. So a tower that gives one embedding to everything finds nothing by chance. A query whose right
item has no finite score is never answered.
"""

import numpy as np
from numpy.typing import NDArray

Embeddings = NDArray[np.float32]
Ranks = NDArray[np.int64]

NEVER = np.iinfo(np.int64).max
ROWS_AT_ONCE = 1024


def hit_at(k: int, ranks: Ranks) -> float:
    """Give the part of the queries whose rank is at most `k`, 0 to 1; hit@k (R@k in papers).

    Raises ValueError when there is no query.
    """
    if len(ranks) == 0:
        raise ValueError("hit@k of no queries is not a number")
    return float(np.mean(ranks <= k))


def image_ranks(captions: Embeddings, images: Embeddings, owner: NDArray[np.int64]) -> Ranks:
    """Rank the own image of every caption among all images: text to image.

    `captions` [c, d], `images` [n, d], `owner` [c] the row of each caption's image; gives [c].
    """
    ranks = np.empty(len(captions), dtype=np.int64)
    for start in range(0, len(captions), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        scores = _scores(captions[rows], images)
        right = np.zeros(scores.shape, dtype=np.bool_)
        right[np.arange(len(scores)), owner[rows]] = True
        ranks[rows] = _ranks_of_best_right(scores, right)
    return ranks


def caption_ranks(images: Embeddings, captions: Embeddings, owner: NDArray[np.int64]) -> Ranks:
    """Rank the best of every image's captions among all captions: image to text.

    `images` [n, d], `captions` [c, d], `owner` [c] the row of each caption's image; gives [n].
    """
    ranks = np.empty(len(images), dtype=np.int64)
    for start in range(0, len(images), ROWS_AT_ONCE):
        rows = np.arange(start, min(start + ROWS_AT_ONCE, len(images)))
        ranks[rows] = _ranks_of_best_right(
            _scores(images[rows], captions), owner[None, :] == rows[:, None]
        )
    return ranks


def right_class_ranks(images: Embeddings, classes: Embeddings, right: NDArray[np.bool_]) -> Ranks:
    """Rank the best right class name of every image among all class names: zero-shot.

    `images` [n, d], `classes` [c, d], `right` [n, c] (two classes may share a name); gives [n].
    hit@1 of these ranks is the zero-shot top-1 accuracy.
    """
    return _ranks_of_best_right(_scores(images, classes), right)


def _scores(queries: Embeddings, items: Embeddings) -> NDArray[np.float32]:
    """Give the cosines of unit-length rows, NaN where an embedding is not finite."""
    with np.errstate(invalid="ignore", over="ignore"):
        return np.asarray(queries @ items.T, dtype=np.float32)


def _ranks_of_best_right(scores: NDArray[np.float32], right: NDArray[np.bool_]) -> Ranks:
    """Rank each row's best right item behind all wrong items that score as high."""
    best = np.where(right, np.nan_to_num(scores, nan=-np.inf), -np.inf).max(axis=1)
    with np.errstate(invalid="ignore"):
        not_below = ~right & (scores >= best[:, None])
    ranks: Ranks = 1 + not_below.sum(axis=1, dtype=np.int64)
    return np.where(np.isfinite(best), ranks, NEVER)
