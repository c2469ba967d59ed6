"""mAP: how early the right items come, all of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clipsearch.measures.ranking import NEVER, RightRanks


@dataclass(frozen=True, slots=True)
class MeanAveragePrecision:
    """Mean over the queries of the mean precision at each right item (Manning et al. 2008, 8.4)."""

    name: str = "mAP"

    def of(self, ranks: RightRanks) -> float:
        """0 to 1."""
        return float(np.mean([_precision(own) for own in ranks.of])) if ranks.of else float("nan")


def _precision(ranks: NDArray[np.int64]) -> float:
    found = np.arange(1, len(ranks) + 1) / ranks
    return float(np.mean(np.where(ranks == NEVER, 0.0, found)))
