"""From FAISS's nearest rows to an answer that is the same however many were asked for.

FAISS cuts equal scores at k in an order of its own, and its sums round differently from path
to path. So a little more than k is fetched and scored again; while what lies beyond the fetch
could still belong to the answer, more is fetched.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from clipsearch.indexes.protocol import Scores
from clipsearch.indexes.ranking import Rows, best
from clipsearch.indexes.stored import StoredEmbeddings
from clipsearch.values import Embeddings

_MARGIN = 32
_ROUNDING = 1e-5
"""More than two float32 sums over thousands of dimensions of unit embeddings differ by."""

Fetch = Callable[[Embeddings, int], tuple[Scores, Rows]]
"""(queries [m, d], count) -> scores and rows [m, count], best first."""


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """Where nearest rows come from: at most `size` of them, of which `excluded` do not count."""

    fetch: Fetch
    size: int
    excluded: Rows

    def take(self, queries: Embeddings, reach: int) -> tuple[Scores, Rows]:
        """Fetch enough that `reach` rows count for each query, if there are so many."""
        return self.fetch(queries, min(self.size, reach + len(self.excluded)))

    def counting(self, scores: Scores, rows: Rows) -> tuple[Scores, Rows]:
        """Return of one query's fetch what counts, in the same order."""
        counts = rows >= 0
        if len(self.excluded):
            counts &= ~np.isin(rows, self.excluded)
        return scores[counts], rows[counts]


def nearest(
    source: Source, stored: StoredEmbeddings, queries: Embeddings, k: int
) -> list[tuple[Rows, Scores]]:
    """Return for each query the `k` best rows of the source with their scores, best first."""
    scores, rows = source.take(queries, k + _MARGIN)
    return [
        _settled(source, stored, query[None], k, (scores[at], rows[at]))
        for at, query in enumerate(queries)
    ]


def _settled(
    source: Source,
    stored: StoredEmbeddings,
    query: Embeddings,
    k: int,
    fetched: tuple[Scores, Rows],
) -> tuple[Rows, Scores]:
    reach = k + _MARGIN
    while True:
        raw, rows = source.counting(*fetched)
        whole = len(fetched[1]) == source.size and len(rows) <= reach
        near = np.sort(rows[:reach])
        scores = stored.scores(query, near)[0]
        order = best(scores, near, k)
        if whole or (len(order) == k and scores[order[-1]] > raw[:reach][-1] + _ROUNDING):
            return near[order], scores[order]
        reach *= 4
        wider = source.take(query, reach)
        fetched = wider[0][0], wider[1][0]
