"""Which part of a picture its tower sees, and where a grid over that part lies in the picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clipsearch.images.resizing import resized_size
from clipsearch.values import Preprocessing


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle in shares of the picture's width and height, from its upper left corner.

    It reaches beyond the picture (below 0, above 1) where the tower sees it padded.
    """

    left: float
    top: float
    right: float
    bottom: float


def area_seen(width: int, height: int, preprocessing: Preprocessing) -> Area:
    """What a tower sees of a picture of that size: all of it, its middle, or more than it."""
    scaled = resized_size(width, height, preprocessing)
    left, right = _side(scaled[0], preprocessing.width)
    top, bottom = _side(scaled[1], preprocessing.height)
    return Area(left, top, right, bottom)


def _side(scaled: int, taken: int) -> tuple[float, float]:
    """Where what is taken of a scaled side begins and ends, in shares of the side."""
    short = taken - scaled
    begin = -(short // 2) if short > 0 else round(-short / 2)
    return begin / scaled, (begin + taken) / scaled


def spread(values: NDArray[np.float32], area: Area, height: int, width: int) -> NDArray[np.float32]:
    """A grid [rows, columns] over an area as a map of the whole picture, float32 [height, width].

    Smooth between the middles of the cells; NaN where the tower sees nothing.
    """
    rows, columns = values.shape
    down, inside_down = _positions(height, area.top, area.bottom, rows)
    across, inside_across = _positions(width, area.left, area.right, columns)
    found = _between(_between(values, down).T, across).T
    found[~inside_down] = np.nan
    found[:, ~inside_across] = np.nan
    return found.astype(np.float32)


def _positions(
    size: int, begin: float, end: float, cells: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Where the pixels of one side lie among the middles of the cells, and which are inside."""
    share = ((np.arange(size) + 0.5) / size - begin) / (end - begin)
    return np.clip(share * cells - 0.5, 0, cells - 1), (share >= 0) & (share <= 1)


def _between(values: NDArray[np.floating], at: NDArray[np.float64]) -> NDArray[np.float64]:
    low = np.floor(at).astype(int)
    high = np.minimum(low + 1, len(values) - 1)
    part = (at - low)[:, np.newaxis]
    part = part * part * (3 - 2 * part)  # smooth at the middles, where the eye would see edges
    return np.asarray(values[low] * (1 - part) + values[high] * part, np.float64)
