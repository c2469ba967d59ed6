"""A hand-written pair of towers for tests: it embeds colours, deterministically and at once."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from clipsearch.towers.pair import of_unit_length
from clipsearch.values import Embeddings, Pixels, Precision, Preprocessing, TowerIdentity

CORNERS = ("black", "blue", "green", "cyan", "red", "magenta", "yellow", "white")
"""The corners of the RGB cube; the position of a name in binary is its red, green and blue."""

DIM = len(CORNERS)


class ColourTowers:
    """Embeds the mean colour of a picture by its nearness to the corners of the RGB cube.

    A picture of pure red and the text "red" have cosine 1. A text is the sum of the colours
    that it names; one that names none lies in the middle, as grey does. `name` and `precision`
    enter the identity, so that two towers can be told apart.
    """

    def __init__(
        self,
        name: str = "colours",
        precision: Precision = "fp32",
        languages: tuple[str, ...] = ("en",),
        side: int = 32,
    ) -> None:
        digest = hashlib.sha256(f"{name} {side}".encode()).hexdigest()
        self.identity = TowerIdentity(name, DIM, precision, digest)
        self.preprocessing = Preprocessing(
            side, side, "squash", "bilinear", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
        )
        self.logit_scale = 10.0
        self.languages = languages
        self.notes: tuple[str, ...] = ()
        self.templates: tuple[str, ...] | None = None
        self.images_embedded = 0
        self.prepared = 0

    def embed_images(self, pixels: Pixels) -> Embeddings:
        """Embed pictures, uint8 [n, h, w, 3]: float32 [n, 8]."""
        self.images_embedded += len(pixels)
        means = pixels.astype(np.float64).mean(axis=(1, 2)) / 255.0
        return of_unit_length(np.stack([_corner_weights(mean) for mean in means]))

    def embed_texts(self, texts: Sequence[str]) -> Embeddings:
        """Embed texts by the colours they name: float32 [n, 8]."""
        return of_unit_length(np.stack([_named_colours(text) for text in texts]))

    def prepare(self) -> None:
        """Count the calls."""
        self.prepared += 1


def _corner_weights(colour: NDArray[np.float64]) -> NDArray[np.float64]:
    """Trilinear weights of the eight corners at a colour [3] in 0..1: float64 [8]."""
    red, green, blue = (np.array([1.0 - value, value]) for value in colour)
    weights: NDArray[np.float64] = np.einsum("i,j,k->ijk", red, green, blue).reshape(DIM)
    return weights


def _named_colours(text: str) -> NDArray[np.float64]:
    words = text.lower().split()
    weights = np.array([float(words.count(name)) for name in CORNERS])
    return weights if weights.any() else np.ones(DIM)
