"""The order of answers: descending score, then ascending id; and who may be asked."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clipsearch.indexes.protocol import Scores
from clipsearch.values import Embeddings, Ids

Rows = NDArray[np.int64]
"""Row numbers in an index (not ids); ids ascend with them."""


def best(scores: Scores, ids: Ids, k: int) -> Rows:
    """Return where the `k` best stand, best first, equal scores in ascending id.

    `scores` is float32 [n] without NaN and `ids` int64 [n]; the answer is [min(k, n)].
    """
    if len(scores) <= 4 * k:
        return np.lexsort((ids, -scores))[:k]
    border = np.partition(scores, len(scores) - k)[len(scores) - k]
    reached = np.flatnonzero(scores >= border)
    return reached[np.lexsort((ids[reached], -scores[reached]))[:k]]


def checked(queries: Embeddings, k: int, dim: int) -> Embeddings:
    """Return the queries as contiguous float32 [m, dim], or raise ValueError."""
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    asked = np.ascontiguousarray(queries, dtype=np.float32)
    if asked.ndim != 2 or asked.shape[1] != dim:
        raise ValueError(f"queries must be [m, {dim}], not {list(np.shape(queries))}")
    if not np.isfinite(asked).all():
        raise ValueError("queries must be finite")
    return asked


def candidate_mask(ids: Ids, allowed: Ids | None, hidden: Ids | None) -> NDArray[np.bool_]:
    """Return for each of `ids` (ascending) whether it is allowed and not hidden."""
    if allowed is None:
        mask = np.ones(len(ids), bool)
    else:
        mask = np.zeros(len(ids), bool)
        mask[rows_of(ids, allowed)] = True
    if hidden is not None:
        mask[rows_of(ids, hidden)] = False
    return mask


def rows_of(ids: Ids, wanted: Ids) -> Rows:
    """Return the rows of those `wanted` that `ids` (ascending, unique) holds."""
    wanted = np.asarray(wanted, np.int64)
    if len(ids) == 0 or len(wanted) == 0:
        return np.empty(0, np.int64)
    first, last = int(ids[0]), int(ids[-1])
    wanted = wanted[(wanted >= first) & (wanted <= last)]
    if last - first + 1 == len(ids):
        return wanted - first
    rows = np.searchsorted(ids, wanted)
    held: Rows = rows[ids[rows] == wanted]
    return held
