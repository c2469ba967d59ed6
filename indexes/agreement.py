"""How far an approximate index agrees with exact search."""

from __future__ import annotations

import numpy as np

from clipsearch.indexes.protocol import Found
from clipsearch.values import Ids


def agreement_at_k(found: Found, exact: Found) -> float:
    """Return the mean part of the exact answer that was found, in any order: 0 to 1.

    Both hold the same m queries; k is the width of `exact`, and `found` is cut to it. This is
    what ann-benchmarks calls recall (Aumüller, Bernhardsson, Faithfull 2018). With nothing to
    find the agreement is 1. Raises ValueError when the numbers of queries differ.
    """
    if len(found) != len(exact):
        raise ValueError(f"answers to {len(found)} and {len(exact)} queries cannot be compared")
    if exact.ids.size == 0:
        return 1.0
    k = exact.ids.shape[1]
    parts = [_overlap(ours[:k], theirs) for ours, theirs in zip(found.ids, exact.ids, strict=True)]
    return float(np.mean(parts))


def _overlap(ours: Ids, theirs: Ids) -> float:
    right = theirs[theirs >= 0]
    return len(np.intersect1d(ours, right)) / len(right) if len(right) else 1.0
