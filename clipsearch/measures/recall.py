"""recall@k: which part of all right items is among the first k?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clipsearch.measures.ranking import RightRanks


@dataclass(frozen=True, slots=True)
class Recall:
    """The mean part of a query's right items that is among the first `k`."""

    k: int

    @property
    def name(self) -> str:
        """As in "recall@10"."""
        return f"recall@{self.k}"

    def of(self, ranks: RightRanks) -> float:
        """0 to 1."""
        parts = [float(np.mean(own <= self.k)) for own in ranks.of]
        return float(np.mean(parts)) if parts else float("nan")
