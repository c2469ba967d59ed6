"""Ranks of all right items of each query: what every measure is taken of.

Ranks start at 1 and are pessimistic: a wrong item that scores as high as a right one stands
before it, so embeddings that are all the same find nothing. A right item without a finite score
is never found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

NEVER = int(np.iinfo(np.int64).max)


@dataclass(frozen=True, slots=True, eq=False)
class RightRanks:
    """For each query the ranks of its right items, ascending: int64 [queries][its right items]."""

    of: tuple[NDArray[np.int64], ...]

    def best(self) -> NDArray[np.int64]:
        """The rank of each query's best right item, int64 [queries]."""
        return np.array([ranks[0] for ranks in self.of], np.int64)


class Measure(Protocol):
    """A measure is a value: it has a name, and gives a number for ranks."""

    @property
    def name(self) -> str:
        """What tables call it."""

    def of(self, ranks: RightRanks) -> float:
        """The number, NaN for no queries."""


def right_ranks(scores: NDArray[np.float32], right: NDArray[np.bool_]) -> RightRanks:
    """Rank the right items among all: `scores` and `right` are [queries, items].

    A query without any right item cannot be answered and is left out.
    """
    rows = (row for row in zip(scores, right, strict=True) if row[1].any())
    return RightRanks(tuple(_ranks(own, is_right) for own, is_right in rows))


def joined(parts: list[RightRanks]) -> RightRanks:
    """The ranks of several blocks of queries as one."""
    return RightRanks(tuple(ranks for part in parts for ranks in part.of))


def _ranks(scores: NDArray[np.float32], right: NDArray[np.bool_]) -> NDArray[np.int64]:
    wrong = scores[~right]
    wrong = np.sort(wrong[~np.isnan(wrong)])
    own = np.sort(np.where(np.isfinite(scores[right]), scores[right], -np.inf))[::-1]
    before = len(wrong) - np.searchsorted(wrong, own, side="left")
    ranks = before + np.arange(1, len(own) + 1)
    return np.where(np.isfinite(own), ranks, NEVER).astype(np.int64)
