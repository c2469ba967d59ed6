"""One view of many pictures, drawn alike for every image tower that looks at it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np

from clipsearch.training.augment import Pixels, view_of
from clipsearch.training.pairs import read_pixels


@dataclass(frozen=True)
class View:
    """Pictures of a data folder, squashed to a side, and which view of them; 0 is the whole.

    The same number and seed cut the same windows out of the same pictures whatever the side.
    """

    data: Path
    images: tuple[str, ...]
    side: int
    number: int = 0
    seed: int = 0

    def of_side(self, side: int) -> Self:
        """Give the same view in another size."""
        return replace(self, side=side)

    def pixels(self) -> Iterator[Pixels]:
        """Yield each picture as uint8 [side, side, 3]."""
        random = np.random.default_rng([self.seed, self.number])
        for each in read_pixels(self.data, self.images, self.side):
            yield view_of(each, self.number, random)
