"""Lays pictures over each other: finds the crop or the frame that lies between them.

Gauss-Newton on greys (Lucas and Kanade 1981; Baker and Matthews 2004, forward additive), for
many pairs at once. The warp scales and shifts each axis by itself, since pictures are compared
as squares whatever their proportions; a gain and an offset of the greys are solved with it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float32]

_SCALES = 0.6, 1.7
_SHIFTS = -0.5, 0.5
"""A picture that lies in another by more than this has too little in common with it."""


def untouched(count: int) -> Floats:
    """The warps that change nothing: [count, 4]."""
    return np.tile(np.array([1, 0, 1, 0], np.float32), (count, 1))


def align(first: Floats, second: Floats, warps: Floats, steps: int) -> Floats:
    """Improve warps [n, 4] between greys [n, s, s], with `steps` steps.

    A warp (a, b, c, d) says that the place (x, y) of the second picture is the place
    (a x + b, c y + d) of the first; coordinates run from -1 to 1.
    """
    count, side = len(first), first.shape[-1]
    down, across = _slopes(first)
    x, y = grid(side)
    wanted = second.reshape(count, -1)
    warps = warps.copy()
    gains, offsets = np.ones((count, 1), np.float32), np.zeros((count, 1), np.float32)
    for _ in range(steps):
        places = Places.of(warps, side)
        seen = places.read(first)
        by_x, by_y = (places.read(slope) * (gains * side / 2) for slope in (across, down))
        columns = np.stack([by_x * x, by_x, by_y * y, by_y, seen, np.ones_like(seen)], axis=-1)
        columns *= places.inside[..., np.newaxis]
        rest = (wanted - gains * seen - offsets) * places.inside
        turned = columns.transpose(0, 2, 1)
        change = np.linalg.solve(turned @ columns + _damping(side), turned @ rest[..., np.newaxis])[
            ..., 0
        ]
        warps += change[:, :4]
        warps[:, 0::2] = warps[:, 0::2].clip(*_SCALES)
        warps[:, 1::2] = warps[:, 1::2].clip(*_SHIFTS)
        gains += change[:, 4:5]
        offsets += change[:, 5:]
    return warps


def grid(side: int) -> tuple[Floats, Floats]:
    """The places of a picture's pixels, -1 to 1: x and y, each [side * side]."""
    line = ((np.arange(side) + 0.5) * 2 / side - 1).astype(np.float32)
    y, x = np.meshgrid(line, line, indexing="ij")
    return x.ravel(), y.ravel()


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Where the pixels of the second pictures lie in the first, in pixels: [n, side * side]."""

    x: Floats
    y: Floats
    inside: NDArray[np.bool_]

    @classmethod
    def of(cls, warps: Floats, side: int) -> Places:
        """The places that warps [n, 4] give."""
        x, y = grid(side)
        half = np.float32(side / 2)
        at_x = _floats((warps[:, :1] * x + warps[:, 1:2] + 1) * half - 0.5)
        at_y = _floats((warps[:, 2:3] * y + warps[:, 3:] + 1) * half - 0.5)
        last = side - 0.5
        inside = (at_x > -0.5) & (at_x < last) & (at_y > -0.5) & (at_y < last)
        return cls(at_x, at_y, inside)

    def read(self, pictures: Floats) -> Floats:
        """The values of pictures [n, s, s] at these places, between pixels bilinearly."""
        side = pictures.shape[-1]
        x, y = self.x.clip(0, side - 1), self.y.clip(0, side - 1)
        left = np.minimum(x.astype(np.intp), side - 2)
        top = np.minimum(y.astype(np.intp), side - 2)
        flat = pictures.reshape(len(pictures), -1)
        corners = top * side + left
        upper = _mixed(flat, corners, x - left)
        lower = _mixed(flat, corners + side, x - left)
        mixed = upper + (lower - upper) * (y - top)
        return _floats(mixed)


def _slopes(greys: Floats) -> tuple[Floats, Floats]:
    """How greys [n, s, s] grow from a pixel to the next: downwards and across."""
    return _floats(np.gradient(greys, axis=1)), _floats(np.gradient(greys, axis=2))


def _floats(values: ArrayLike) -> Floats:
    return np.asarray(values, np.float32)


def _mixed(flat: Floats, at: NDArray[np.intp], part: Floats) -> Floats:
    left = np.take_along_axis(flat, at, axis=1)
    mixed: Floats = left + (np.take_along_axis(flat, at + 1, axis=1) - left) * part
    return mixed


def _damping(side: int) -> Floats:
    """Holds the warp where a picture gives it nothing to hold on to: slopes of two greys."""
    return np.diag(np.array([4, 4, 4, 4, 1, 1], np.float32) * side * side)
