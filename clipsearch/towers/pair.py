"""What a pair of towers is, and which of its embeddings can be used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from clipsearch.values import Embeddings, Pixels, Precision, Preprocessing, TowerIdentity

UNIT_TOLERANCE = 1e-3


@runtime_checkable
class TowerPair(Protocol):
    """An image tower and a text tower whose embeddings can be compared by cosine.

    Each tower is loaded at its first use and by itself: a query by words never loads the image
    tower. Embeddings are float32 rows of unit length; a row that the model did not give a
    finite length stays as it is and `usable` tells it.
    """

    @property
    def identity(self) -> TowerIdentity:
        """What makes its embeddings comparable with others."""

    @property
    def preprocessing(self) -> Preprocessing:
        """How a picture becomes its input."""

    @property
    def logit_scale(self) -> float:
        """The inverse temperature it was trained with: `softmax(logit_scale * cosine)`."""

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages it reads (ISO 639-1); empty where any may be tried."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know of how it was loaded, a sentence each; mostly empty."""

    def embed_images(self, pixels: Pixels) -> Embeddings:
        """Embed pictures, uint8 [n, h, w, 3] of its input size: float32 [n, dim]."""

    def embed_texts(self, texts: Sequence[str]) -> Embeddings:
        """Embed texts, long ones cut at its number of tokens: float32 [n, dim]."""

    def prepare(self) -> None:
        """Make the next start quick, where it can; never fails. Called when pictures come in."""


@dataclass(frozen=True, slots=True)
class TowerOptions:
    """How a tower is to run.

    `precision`: "auto" is fp32 unless the tower's own folder recommends another. `device` is
    torch's ("cpu", "cuda"; None: the best there is) and means something to torch only.
    `runtime`: "auto" is ONNX Runtime, and torch where a GPU is or an export is impossible.
    """

    precision: Precision | Literal["auto"] = "auto"
    device: str | None = None
    runtime: Literal["auto", "onnx", "torch"] = "auto"


def usable(embeddings: Embeddings) -> NDArray[np.bool_]:
    """Which rows of [n, dim] are finite and of unit length (within 0.001): bool [n]."""
    with np.errstate(over="ignore", invalid="ignore"):
        lengths = np.sqrt(np.sum(np.square(embeddings, dtype=np.float64), axis=1))
    return np.asarray(np.abs(lengths - 1.0) < UNIT_TOLERANCE)


def of_unit_length(rows: NDArray[np.floating]) -> Embeddings:
    """Scale rows [n, dim] to unit length; rows without a finite length become NaN."""
    exact = np.asarray(rows, dtype=np.float64)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        lengths = np.sqrt(np.sum(np.square(exact), axis=1, keepdims=True))
        scaled = np.where(np.isfinite(lengths), exact / lengths, np.nan)
    return scaled.astype(np.float32)
