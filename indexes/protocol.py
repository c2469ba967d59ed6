"""What every index promises, and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from clipsearch.values import Embeddings, Ids

Scores = NDArray[np.float32]
"""Inner products of unit-length embeddings, which are cosines; higher is better."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """The nearest of each query, best first; equal scores stand in ascending id.

    `ids` is int64 [m, k'], `scores` float32 [m, k']. Where the rows of several queries differ
    in length (only `merge` can do that), the short ones end in id -1 and score -inf.
    """

    ids: Ids
    scores: Scores

    @classmethod
    def nothing(cls, queries: int) -> Found:
        """Return the answer [m, 0] of an index that holds no candidate."""
        return cls(np.empty((queries, 0), np.int64), np.empty((queries, 0), np.float32))

    def __len__(self) -> int:
        return len(self.ids)


class Index(Protocol):
    """Embeddings that can be searched; made once, never changed, safe to search from threads."""

    @property
    def kind(self) -> str:
        """The recipe's kind: "flat" or "pq"."""
        ...

    @property
    def dim(self) -> int:
        """The width of its embeddings."""
        ...

    @property
    def last_id(self) -> int:
        """The largest id held; 0 when there is none."""
        ...

    def __len__(self) -> int: ...

    def search(
        self, queries: Embeddings, k: int, allowed: Ids | None = None, hidden: Ids | None = None
    ) -> Found:
        """Return the `k` nearest of each query among `allowed` and not among `hidden`.

        `queries` is finite float32 [m, d]; `allowed` and `hidden` are int64 ids in any order,
        and need not be held. Each query gets exactly min(k, candidates) ids. Scores come from
        the stored embeddings (see `Recipe.storage`), so whoever wants them in float32 asks for
        some more than needed and scores those again. The first 5 of k = 15 are those of k = 5.
        Raises ValueError for k < 1 and for queries that are not finite or not [m, d].
        """
        ...
