"""The eight ways in which a picture can be turned and mirrored."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

TURNS = 8
"""0 is as it is, 1 to 3 are quarter turns; 4 to 7 the same after mirroring left and right."""


def turned(pixels: NDArray[np.uint8], turn: int) -> NDArray[np.uint8]:
    """A square picture [s, s] or [s, s, c] brought into one of the eight ways."""
    mirrored = pixels[:, ::-1] if turn >= 4 else pixels
    return np.rot90(mirrored, turn % 4)


def turned_all(sketches: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Square pictures [n, s, s] in all eight ways: [n, 8, s, s]."""
    mirrored = sketches[:, :, ::-1]
    ways = [np.rot90(each, turn, axes=(1, 2)) for each in (sketches, mirrored) for turn in range(4)]
    return np.stack(ways, axis=1)
