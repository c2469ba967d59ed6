"""What each part of a picture gives to its embedding.

A picture's parts are rows [rows * columns, dim] beside its embedding; a row times a text's
embedding is what that place says of the text. What the rows are depends on the tower:

- `linear`, for an average over places and a linear map: the place's exact share; the rows sum
  up to the embedding.
- `integrated`, for an average over places and other layers: its share by integrated gradients;
  the sum holds to about 0.001.
- `tokens`, for transformers and attention pooling, and where shares do not sum up: the place's
  own embedding, of unit length.
- `occlusion`, for any tower: the embedding less that of the picture with the place covered.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from clipsearch.towers.pair import TowerPair, of_unit_length, usable
from clipsearch.values import Embeddings, Pixels

Method = Literal["linear", "integrated", "tokens", "occlusion"]

Head = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""From averages over places [n, channels] to embeddings of any length [n, dim]."""

STEPS = 32
# Half the step of a difference, in shares of a place's activations; a linear head has no use
# for a small one, and float32 rounds away what is much smaller.
HALF_STEP = 0.05
ROUNDING = 1e-4
MISSED = 0.05
OCCLUSION_GRID = 7
OVERLAP = 0.5


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of one picture: float32 [rows * columns, dim] by rows of places."""

    rows: int
    columns: int
    embeddings: Embeddings
    method: Method

    def maps(self, texts: Embeddings) -> NDArray[np.float32]:
        """What each place says of texts [n, dim]: float32 [n, rows, columns]."""
        return np.asarray(texts @ self.embeddings.T, np.float32).reshape(
            -1, self.rows, self.columns
        )


@runtime_checkable
class SpatialTowers(Protocol):
    """A pair whose image tower can be asked what it sees where."""

    def parts(self, pixels: Pixels) -> Parts | None:
        """The parts of one picture, uint8 [h, w, 3]; None where the tower does not tell."""


def picture_parts(tower: TowerPair, pixels: Pixels) -> Parts:
    """The parts of a picture [h, w, 3] of the tower's size, by the best method it allows."""
    found = tower.parts(pixels) if isinstance(tower, SpatialTowers) else None
    return occluded_parts(tower, pixels) if found is None else found


def pooled_parts(regions: NDArray[np.float32], head: Head) -> Parts:
    """The parts of a tower that averages its last activations [channels, rows, columns].

    Integrated gradients (Sundararajan et al. 2017) from activations of nothing to the average,
    place by place: share_l = mean over a in (0, 1) of the derivative of head at a * average in
    the direction of place l, over the number of places. What the head gives for nothing is
    shared out equally. For a linear head each step is exact, and so is the sum. Where the sum
    misses the embedding (a head may begin with a norm, and be all bend near nothing), the head
    is given each place alone, as a token.
    """
    channels, rows, columns = regions.shape
    places = np.ascontiguousarray(regions.reshape(channels, -1).T)
    count = len(places)
    average = places.mean(axis=0, dtype=np.float64).astype(np.float32)
    whole, nothing = head(np.stack([average, np.zeros_like(average)]))
    shares = np.zeros((count, len(whole)), np.float64)
    for step in range(STEPS):
        at = np.float32((step + 0.5) / STEPS) * average
        above, below = head(at + HALF_STEP * places), head(at - HALF_STEP * places)
        shares += (above.astype(np.float64) - below) / (2 * HALF_STEP * STEPS)
    if np.linalg.norm(shares.sum(axis=0) / count + nothing - whole) > MISSED * np.linalg.norm(
        whole
    ):
        return Parts(rows, columns, of_unit_length(head(places)), "tokens")
    shares = (shares + nothing) / count
    length = np.linalg.norm(whole)
    linear = _is_linear(head, places, whole, nothing)
    return Parts(rows, columns, (shares / length).astype(np.float32), linear)


def occluded_parts(tower: TowerPair, pixels: Pixels) -> Parts:
    """What the embedding loses when a place is covered with the picture's mean colour."""
    height, width, _ = pixels.shape
    cover = pixels.reshape(-1, 3).mean(axis=0).round().astype(np.uint8)
    pictures = [pixels]
    for row in range(OCCLUSION_GRID):
        for column in range(OCCLUSION_GRID):
            covered = pixels.copy()
            covered[_span(row, height), _span(column, width)] = cover
            pictures.append(covered)
    rows = tower.embed_images(np.stack(pictures))
    lost = np.where(usable(rows[1:])[:, np.newaxis], rows[0] - rows[1:], np.float32(0))
    return Parts(OCCLUSION_GRID, OCCLUSION_GRID, lost.astype(np.float32), "occlusion")


def _span(place: int, size: int) -> slice:
    """A place of the grid with half of its neighbours: edges cut objects less often."""
    cell = size / OCCLUSION_GRID
    begin, end = (place - OVERLAP) * cell, (place + 1 + OVERLAP) * cell
    return slice(max(0, round(begin)), min(size, max(round(end), round(begin) + 1)))


def _is_linear(
    head: Head,
    places: NDArray[np.float32],
    whole: NDArray[np.float32],
    nothing: NDArray[np.float32],
) -> Method:
    """Whether the mean of the head over places is the head of their mean."""
    apart = np.abs(head(places).mean(axis=0) - whole).max()
    return "linear" if apart <= ROUNDING * np.abs(whole - nothing).max() else "integrated"
