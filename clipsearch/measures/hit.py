"""hit@k: is a right item among the first k?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clipsearch.measures.ranking import RightRanks


@dataclass(frozen=True, slots=True)
class Hit:
    """The part of the queries with a right item among the first `k`; R@k in CLIP papers."""

    k: int

    @property
    def name(self) -> str:
        """As in "hit@10"."""
        return f"hit@{self.k}"

    def of(self, ranks: RightRanks) -> float:
        """0 to 1."""
        return float(np.mean(ranks.best() <= self.k)) if ranks.of else float("nan")
