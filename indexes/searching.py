"""An opened index: a wide search, and exact search wherever a filter makes that better."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipsearch.indexes.engine import loaded_faiss
from clipsearch.indexes.protocol import Found, Scores
from clipsearch.indexes.ranking import Rows, best, candidate_mask, checked, rows_of
from clipsearch.indexes.recipes import Recipe
from clipsearch.indexes.settling import Source, nearest
from clipsearch.indexes.stored import StoredEmbeddings
from clipsearch.indexes.threads import threads_for
from clipsearch.values import Embeddings, Ids

_FEW = 256
_FEW_IN = 400
"""Up to 256 candidates, or one row in 400, are scored one by one: a row costs 1 us more so than
in FAISS's filtered search, which in turn looks at every row's bit, 2.5 ns each."""

_OVERFETCH = 1000
"""Up to so many rows left out, fetching that many more costs less than FAISS's filter."""

_REFINED_PER_HIT = 5
"""A `pq` index scores at least so many rows again for each one asked for."""

_NONE = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class FaissIndex:
    """Embeddings held by FAISS; keeps the promises of `Index`.

    `wide` answers unfiltered queries (for `flat` it is the store itself), `stored` holds the
    embeddings that every answer is scored with, `ids` names the rows, ascending.
    """

    recipe: Recipe
    ids: Ids
    stored: StoredEmbeddings
    wide: Any

    @property
    def kind(self) -> str:
        """The recipe's kind: "flat" or "pq"."""
        return self.recipe.kind

    @property
    def dim(self) -> int:
        """The width of its embeddings."""
        return int(self.stored.view.shape[1])

    @property
    def last_id(self) -> int:
        """The largest id held; 0 when there is none."""
        return int(self.ids[-1]) if len(self.ids) else 0

    def __len__(self) -> int:
        return len(self.ids)

    def search(
        self, queries: Embeddings, k: int, allowed: Ids | None = None, hidden: Ids | None = None
    ) -> Found:
        """Return the `k` nearest of each query among `allowed` and not among `hidden`.

        As `Index.search`. A `pq` index is approximate without a filter and where a filter
        leaves out few; its candidates are the same for every k up to a fifth of
        `Recipe.refined`. All other answers are exact over the stored embeddings.
        """
        asked = checked(queries, k, self.dim)
        mask = None
        if allowed is not None or hidden is not None:
            mask = candidate_mask(self.ids, allowed, hidden)
        count = len(self) if mask is None else int(np.count_nonzero(mask))
        if count == 0 or len(asked) == 0:
            return Found.nothing(len(asked))
        k = min(k, count)
        if mask is not None and count <= max(_FEW, len(self) // _FEW_IN):
            answers = self._each_of(np.flatnonzero(mask), asked, k)
        else:
            with threads_for(len(asked)):
                answers = self._nearest(mask, asked, k)
        return Found(
            self.ids[np.stack([rows for rows, _ in answers])],
            np.stack([scores for _, scores in answers]),
        )

    def stored_rows(self, ids: Ids) -> tuple[Ids, Embeddings]:
        """Return those of `ids` that it holds, and their stored embeddings as float32 [n, d]."""
        rows = rows_of(self.ids, ids)
        return self.ids[rows], self.stored.decoded(rows)

    def _each_of(self, rows: Rows, asked: Embeddings, k: int) -> list[tuple[Rows, Scores]]:
        scores = self.stored.scores(asked, rows)
        orders = [best(line, rows, k) for line in scores]
        return [(rows[at], line[at]) for line, at in zip(scores, orders, strict=True)]

    def _nearest(
        self, mask: NDArray[np.bool_] | None, asked: Embeddings, k: int
    ) -> list[tuple[Rows, Scores]]:
        excluded = _NONE if mask is None else np.flatnonzero(~mask)
        if mask is not None and len(excluded) > _OVERFETCH:
            among = partial(_fetch_among, self.stored.owner, mask)
            return nearest(Source(among, len(self) - len(excluded), _NONE), self.stored, asked, k)
        wanted = max(self.recipe.refined(len(self)), _REFINED_PER_HIT * k) + len(excluded)
        if self.kind == "pq" and wanted < len(self):
            refined = Source(partial(_fetch_refined, self.wide, wanted), wanted, excluded)
            answers = nearest(refined, self.stored, asked, k)
            # Fast-scan drops rows whose coarse score is the worst there is: where all are
            # alike, these are all.
            if all(len(rows) == k for rows, _ in answers):
                return answers
        flat = self.wide if self.kind == "flat" else self.stored.owner
        return nearest(Source(partial(_fetch, flat), len(self), excluded), self.stored, asked, k)


def _fetch(index: Any, queries: Embeddings, count: int) -> tuple[Scores, Rows]:
    found: tuple[Scores, Rows] = index.search(queries, count)
    return found


def _fetch_among(
    flat: Any, mask: NDArray[np.bool_], queries: Embeddings, count: int
) -> tuple[Scores, Rows]:
    faiss = loaded_faiss()

    selector = faiss.IDSelectorBitmap(np.packbits(mask, bitorder="little"))
    found: tuple[Scores, Rows] = flat.search(
        queries, count, params=faiss.SearchParameters(sel=selector)
    )
    return found


def _fetch_refined(
    index: Any, refined: int, queries: Embeddings, count: int
) -> tuple[Scores, Rows]:
    faiss = loaded_faiss()

    # FAISS refines int(count * k_factor) rows: the half keeps that at `refined` when rounded.
    factor = faiss.IndexRefineSearchParameters(k_factor=(refined + 0.5) / count)
    found: tuple[Scores, Rows] = index.search(queries, count, params=factor)
    return found
