"""The median rank of the best right item."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clipsearch.measures.ranking import NEVER, RightRanks


@dataclass(frozen=True, slots=True)
class MedianRank:
    """From 1, lower is better; infinite where half of the queries are never answered."""

    name: str = "median_rank"

    def of(self, ranks: RightRanks) -> float:
        """The median over the queries."""
        best = ranks.best()
        exact = np.where(best == NEVER, np.inf, best.astype(np.float64))
        return float(np.median(exact)) if len(exact) else float("nan")
