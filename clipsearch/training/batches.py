"""Drawing batches in which no picture stands twice."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """Which pictures, which view of each, and which of its captions: three arrays [b]."""

    pictures: Places
    views: Places
    captions: Places


@dataclass(frozen=True)
class Draw:
    """What batches are drawn from: each picture has `views` views and its own captions."""

    captions_of: tuple[int, ...]
    views: int
    size: int

    def batches_an_epoch(self) -> int:
        """Count the batches of one pass; a last one of less than half the size is left out."""
        return max(1, round(len(self.captions_of) / self.size))

    def epoch(self, random: np.random.Generator) -> Iterator[Batch]:
        """Yield one pass over the pictures, each at most once, with one caption and one view.

        The captions of one picture must not be each other's negatives, so a picture stands at
        most once in a batch.
        """
        order = random.permutation(len(self.captions_of))
        counts = np.array(self.captions_of)
        for place in range(self.batches_an_epoch()):
            pictures = order[place * self.size : (place + 1) * self.size]
            views = random.integers(0, self.views, len(pictures))
            yield Batch(pictures, views, random.integers(0, counts[pictures]))
