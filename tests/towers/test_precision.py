"""A lower precision is held against fp32 on the user's own pictures."""

from __future__ import annotations

import numpy as np
import pytest
from colour_towers import ColourTowers

from clipsearch.errors import PrecisionRefused
from clipsearch.towers import check_precision
from clipsearch.towers.precision import neighbour_agreement
from clipsearch.values import Embeddings, Pixels, Precision

PIXELS = np.random.default_rng(0).integers(0, 255, (40, 4, 4, 3), dtype=np.uint8)


class ShuffledTowers(ColourTowers):
    """Embeds pictures as quite other ones."""

    def embed_images(self, pixels: Pixels) -> Embeddings:
        return super().embed_images(np.random.default_rng(1).permutation(pixels))


class NoisyTowers(ColourTowers):
    """Embeds pictures nearly as they are, or not, by the noise."""

    def __init__(self, precision: Precision, noise: float = 0.02) -> None:
        super().__init__(precision=precision)
        self.noise = noise

    def embed_images(self, pixels: Pixels) -> Embeddings:
        exact = super().embed_images(pixels)
        rows = exact + np.random.default_rng(2).normal(size=exact.shape, scale=self.noise)
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


class BrokenTowers(ColourTowers):
    """Gives NaN for the third picture."""

    def embed_images(self, pixels: Pixels) -> Embeddings:
        rows = super().embed_images(pixels)
        rows[2] = np.nan
        return rows


def test_a_faithful_tower_agrees_with_itself() -> None:
    assert check_precision(ColourTowers(), ColourTowers(precision="int8"), PIXELS) == 1.0


def test_a_tower_that_finds_others_is_refused_with_the_share() -> None:
    with pytest.raises(PrecisionRefused, match=r"int8.*only \d+%"):
        check_precision(ColourTowers(), ShuffledTowers(precision="int8"), PIXELS)


def test_a_tower_that_gives_nan_is_refused() -> None:
    with pytest.raises(PrecisionRefused, match="not finite"):
        check_precision(ColourTowers(), BrokenTowers(precision="int8"), PIXELS)


def test_few_pictures_are_compared_by_their_embeddings() -> None:
    """Of four a tie in another order would be a quarter of all neighbours."""
    few = PIXELS[:4]
    check_precision(ColourTowers(), NoisyTowers(precision="int8"), few)
    with pytest.raises(PrecisionRefused, match=r"first 4 pictures.*cosine of only"):
        check_precision(ColourTowers(), NoisyTowers(precision="int8", noise=5), few)


def test_agreement_is_the_share_of_common_neighbours() -> None:
    exact = np.eye(4, dtype=np.float32)
    exact[1], exact[3] = (0.8, 0.6, 0, 0), (0, 0, 0.6, 0.8)
    other = exact[[0, 2, 1, 3]]
    assert neighbour_agreement(exact, exact) == 1.0
    assert neighbour_agreement(exact, other) < 0.6
