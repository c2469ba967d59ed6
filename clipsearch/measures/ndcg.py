"""nDCG@k with right and wrong as the only grades."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clipsearch.measures.ranking import RightRanks


@dataclass(frozen=True, slots=True)
class Ndcg:
    """Discounted gain 1 / log2(1 + rank) beside the best possible (Järvelin, Kekäläinen 2002)."""

    k: int

    @property
    def name(self) -> str:
        """As in "nDCG@10"."""
        return f"nDCG@{self.k}"

    def of(self, ranks: RightRanks) -> float:
        """0 to 1."""
        parts = [self._gain(own) / self._gain(_ideal(own)) for own in ranks.of]
        return float(np.mean(parts)) if parts else float("nan")

    def _gain(self, ranks: NDArray[np.int64]) -> float:
        first = ranks[ranks <= self.k].astype(np.float64)
        return float(np.sum(1.0 / np.log2(1.0 + first)))


def _ideal(ranks: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.arange(1, len(ranks) + 1)
