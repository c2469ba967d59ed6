"""What everyday texts score on a collection's pictures: measured once, read by each query."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clipsearch.values import Embeddings, Ids

SAMPLE = 512
"""So many pictures say how a query's cosines are spread over the collection (within 3 %)."""
KIN = 3
"""A text's nearest other texts: how near they are says how familiar its subject is."""
_LEAST = 1e-4


@dataclass(frozen=True, slots=True)
class Figures:
    """Numbers over all background texts; a text's best picture is that of the greatest cosine.

    `best` and `best_spread` are mean and standard deviation of the best cosines, `standing` and
    `standing_spread` of the best standings (see `standings`). `spread` is the median over the
    texts of the standard deviation of a text's cosines over the pictures. `kin` and
    `kin_spread` are of the mean cosine of a text with its nearest others.
    """

    images: int
    best: float
    best_spread: float
    standing: float
    standing_spread: float
    spread: float
    kin: float
    kin_spread: float


@dataclass(frozen=True, slots=True, eq=False)
class Background:
    """The texts' embeddings float32 [b, dim], a sample of pictures [s, dim], and the figures."""

    texts: Embeddings
    sample: Embeddings
    figures: Figures


def measure_background(
    texts: Embeddings, chunks: Iterable[tuple[Ids, Embeddings]], images: int
) -> Background | None:
    """Measure the background of a collection of `images` pictures; None of an empty one.

    `texts` is [b, dim]; `chunks` are ids [n] and embeddings [n, dim], read once.
    """
    best = np.full(len(texts), -np.inf, np.float32)
    standing = best.copy()
    kept, seen = [], 0
    stride = max(1, -(-images // SAMPLE))
    for _, rows in chunks:
        if not len(rows):
            continue
        cosines = rows @ texts.T
        best = np.maximum(best, cosines.max(axis=0))
        standing = np.maximum(standing, standings(cosines, cosines).max(axis=0))
        kept.append(rows[(-seen) % stride :: stride])
        seen += len(rows)
    if not seen:
        return None
    sample = np.concatenate(kept)
    spreads = (sample @ texts.T).std(axis=0)
    kin = nearness(texts, texts, own=1)
    figures = Figures(
        seen,
        *_mean_and_spread(best),
        *_mean_and_spread(standing),
        float(np.median(spreads)),
        *_mean_and_spread(kin),
    )
    return Background(texts, sample, figures)


def standings(cosines: Embeddings, background: Embeddings) -> Embeddings:
    """How cosines [n, m] stand out among the background's [n, b] of the same picture.

    In standard deviations from the mean: a picture that is near to all texts gains nothing.
    """
    mean = background.mean(axis=1, keepdims=True)
    spread = np.maximum(background.std(axis=1, keepdims=True), np.float32(_LEAST))
    return np.asarray((cosines - mean) / spread)


def nearness(queries: Embeddings, texts: Embeddings, own: int = 0) -> NDArray[np.float32]:
    """The mean cosine of each query [m, dim] with its nearest texts, the `own` first left out."""
    cosines = np.sort(queries @ texts.T, axis=1)[:, ::-1]
    return np.asarray(cosines[:, own : own + KIN].mean(axis=1))


def _mean_and_spread(values: NDArray[np.float32]) -> tuple[float, float]:
    return float(values.mean()), max(float(values.std()), _LEAST)
