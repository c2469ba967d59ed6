"""How much two pictures differ once they lie over each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clipsearch.duplicates.aligning import Floats, Places, align, untouched

_COARSEST = 8
_STEPS = {8: 8, 16: 6, 32: 4, 64: 2, 128: 2}
_WINDOWS = 16
"""Differences are looked at in windows of an eighth of the side, a sixteenth apart."""

_CLIPPED = 5, 250
"""Beyond these greys a picture made brighter or darker says nothing of its exposure."""

_COLOUR = 0.5
"""What colours differ by counts half: JPEG keeps them at half the size."""

_NOISE = 3.0
"""Greys that any two encodings of a flat place may differ by."""


@dataclass(frozen=True, slots=True, eq=False)
class Likeness:
    """How alike the pictures of each pair are, all [n].

    `correlations` are of the greys where they overlap, `differences` of the window that differs
    most, relative to the contrast of that window and of the whole; `overlaps` say which part of
    one picture lies in the other.
    """

    correlations: Floats
    differences: Floats
    overlaps: Floats

    def improve(self, at: NDArray[np.intp], other: Likeness) -> None:
        """Take the likeness of the pairs `at` from `other` where it has a smaller difference."""
        better = other.differences < self.differences[at]
        for name in ("correlations", "differences", "overlaps"):
            getattr(self, name)[at[better]] = getattr(other, name)[better]


def likeness(first: Floats, second: Floats, enough: float = 0.0) -> Likeness:
    """Compare pictures [n, s, s, c], their greys first, laid over each other as fits best.

    They are compared as they are; those that differ by more than `enough` are laid over each
    other, and if that does not do, the other way round, since a crop lies in the picture that it
    was cut from. The further channels are colours: nothing is aligned by them.
    """
    found = _measured(first, second, untouched(len(first)))
    for one, other in ((first, second), (second, first)):
        apart = np.flatnonzero(found.differences > enough)
        if len(apart):
            found.improve(apart, _laid(one[apart], other[apart]))
    return found


def _laid(first: Floats, second: Floats) -> Likeness:
    coarse_first, coarse_second = pyramid(first[..., 0]), pyramid(second[..., 0])
    warps = untouched(len(first))
    for side in sorted(coarse_first):
        warps = align(coarse_first[side], coarse_second[side], warps, _STEPS[side])
    return _measured(first, second, warps)


def pyramid(greys: Floats) -> dict[int, Floats]:
    """Greys [n, s, s] at their side and at every half of it down to 8."""
    levels = {greys.shape[-1]: greys}
    while (side := min(levels)) > _COARSEST:
        levels[side // 2] = halved(levels[side])
    return levels


def halved(greys: Floats) -> Floats:
    """Greys [n, s, s] at half their side, each the mean of four."""
    count, side, _ = greys.shape
    mean: Floats = greys.reshape(count, side // 2, 2, side // 2, 2).mean(axis=(2, 4))
    return mean


def _measured(first: Floats, second: Floats, warps: Floats) -> Likeness:
    count, side = first.shape[:2]
    places = Places.of(warps, side)
    inside = places.inside.astype(np.float32)
    parts = [
        (places.read(first[..., channel]), second[..., channel].reshape(count, -1))
        for channel in range(first.shape[-1])
    ]
    seen, wanted = parts[0]
    gains, offsets = _exposure(seen, wanted, inside)
    rests = [wanted - (seen * gains + offsets).clip(0, 255)]
    rests += [
        each - colour * gains - _mean(each - colour * gains, inside) for colour, each in parts[1:]
    ]
    spread = (wanted - _mean(wanted, inside)) * inside
    worst = [_worst_window(rest, spread, inside, side) for rest in rests]
    differences = np.maximum(worst[0], _COLOUR * np.max(worst, axis=0))
    differences[gains[:, 0] <= 0] = np.inf  # a negative, or chance
    scales = np.minimum(1, warps[:, 0] * warps[:, 2])
    overlaps = inside.mean(axis=1) * scales
    return Likeness(_correlation(seen, wanted, inside), differences, overlaps)


def _exposure(seen: Floats, wanted: Floats, inside: Floats) -> tuple[Floats, Floats]:
    """Gains and offsets, each [n, 1], that bring one picture's greys to the other's."""
    low, high = _CLIPPED
    telling = inside * ((wanted > low) & (wanted < high))
    few = telling.sum(axis=1) < 0.3 * inside.sum(axis=1)
    telling[few] = inside[few]
    centre_seen, centre = _mean(seen, telling), _mean(wanted, telling)
    spread = (seen - centre_seen) * telling
    square = (spread * spread).sum(axis=1, keepdims=True)
    gains = (spread * (wanted - centre)).sum(axis=1, keepdims=True) / (square + 1e-3)
    return gains, centre - gains * centre_seen


def _worst_window(rest: Floats, spread: Floats, inside: Floats, side: int) -> Floats:
    pixels = _windows(inside, side)
    enough = pixels > pixels.max() / 2
    pixels = np.maximum(pixels, 1)
    error = _windows((rest * inside) ** 2, side) / pixels
    mean = _windows(spread, side) / pixels
    local = np.maximum(_windows(spread**2, side) / pixels - mean**2, 0)
    whole = (spread**2).sum(axis=1) / np.maximum(inside.sum(axis=1), 1)
    contrast = local + 0.1 * whole[:, np.newaxis, np.newaxis] + _NOISE**2
    ratios = np.sqrt(error / contrast)
    worst: Floats = np.where(enough, ratios, 0).max(axis=(1, 2))
    return worst


def _windows(values: Floats, side: int) -> Floats:
    """Sums over windows of 2 x 2 tiles: [n, 15, 15] of [n, side * side]."""
    count, tile = len(values), side // _WINDOWS
    tiles = values.reshape(count, _WINDOWS, tile, _WINDOWS, tile).sum(axis=(2, 4))
    sums: Floats = tiles[:, 1:, 1:] + tiles[:, 1:, :-1] + tiles[:, :-1, 1:] + tiles[:, :-1, :-1]
    return sums


def _correlation(seen: Floats, wanted: Floats, inside: Floats) -> Floats:
    one = (seen - _mean(seen, inside)) * inside
    other = (wanted - _mean(wanted, inside)) * inside
    lengths = np.sqrt((one * one).sum(axis=1) * (other * other).sum(axis=1))
    correlation: Floats = (one * other).sum(axis=1) / np.maximum(lengths, 1e-3)
    return correlation


def _mean(values: Floats, where: Floats | NDArray[np.bool_]) -> Floats:
    mean: Floats = (values * where).sum(axis=1, keepdims=True) / np.maximum(
        where.sum(axis=1, keepdims=True), 1
    )
    return mean
