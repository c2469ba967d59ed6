"""Words that can be seen, and the box around the place that speaks most for one.

After the alignment of words with image regions of Karpathy and Fei-Fei (2015): each word takes
the region whose score with it is greatest. Regions are places of the tower's grid here, and no
detector proposes them.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clipsearch.explanation.area import Area, spread

# Words that name nothing to be seen.
_UNSEEN = """
a an the this that these those some any of in on at by to from for with without and or as
is are was were be being been it its his her their there here into onto over under up down
near next while who which what very photo picture image
"""
UNSEEN = frozenset(_UNSEEN.split())
# A place belongs to a word if it says more than this share between its least and its most.
SHARE = 0.6
# The map is looked at as a picture of so many pixels.
FINE = 56


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in the picture's pixels, upright."""

    left: int
    top: int
    width: int
    height: int


def content_words(text: str) -> list[str]:
    """The words of a text that may be seen, each once, in their order."""
    words = (word.strip(".,;:!?\"'()[]") for word in text.split())
    return list(dict.fromkeys(word for word in words if word and word.lower() not in UNSEEN))


def box_of(values: NDArray[np.float32], area: Area, size: tuple[int, int]) -> Box | None:
    """The box around the greatest value of a map; None where the map is flat or says no.

    `size` is the picture's width and height.
    """
    fine = spread(values, area, FINE, FINE)
    seen = np.isfinite(fine)
    if not seen.any():
        return None
    least, most = float(fine[seen].min()), float(fine[seen].max())
    if most <= 0 or most - least < 1e-6:
        return None
    peak = np.unravel_index(np.argmax(np.where(seen, fine, -np.inf)), fine.shape)
    warm = seen & (np.nan_to_num(fine, nan=least) >= least + SHARE * (most - least))
    reached = _connected(warm, (int(peak[0]), int(peak[1])))
    rows, columns = np.nonzero(reached)
    width, height = size
    left, right = columns.min() * width // FINE, (columns.max() + 1) * width // FINE
    top, bottom = rows.min() * height // FINE, (rows.max() + 1) * height // FINE
    return Box(int(left), int(top), max(1, int(right - left)), max(1, int(bottom - top)))


def _connected(warm: NDArray[np.bool_], start: tuple[int, int]) -> NDArray[np.bool_]:
    """The cells that can be reached from one over sides."""
    reached = np.zeros_like(warm)
    reached[start] = True
    waiting = deque([start])
    while waiting:
        row, column = waiting.popleft()
        for place in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
            inside = 0 <= place[0] < warm.shape[0] and 0 <= place[1] < warm.shape[1]
            if inside and warm[place] and not reached[place]:
                reached[place] = True
                waiting.append(place)
    return reached
