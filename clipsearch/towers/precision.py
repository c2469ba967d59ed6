"""Holds a tower at a lower precision against fp32."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clipsearch.errors import PrecisionRefused
from clipsearch.towers.pair import TowerPair, usable
from clipsearch.values import Embeddings, Pixels

NEIGHBOURS = 10
LEAST_AGREEMENT = 0.9
# Of fewer pictures a tie in another order is a large share of all neighbours: what agrees at 96 %
# of many was refused on one of twelve folders of four. Their embeddings themselves are compared.
ENOUGH = 11
LEAST_COSINE = 0.9


def check_precision(reference: TowerPair, candidate: TowerPair, pixels: Pixels) -> float:
    """The agreement@10 of `candidate` with `reference` on pictures uint8 [n, h, w, 3].

    Each picture is asked for the others. Raises PrecisionRefused if the agreement is under 0.9
    (of fewer than 11 pictures: the mean cosine with fp32) or an embedding is not finite;
    ValueError for fewer than two pictures.
    """
    name, precision = candidate.identity.name, candidate.identity.precision
    rows = candidate.embed_images(pixels)
    if not usable(rows).all():
        raise PrecisionRefused(name, precision, "it gives embeddings that are not finite")
    exact = reference.embed_images(pixels)
    agreement = neighbour_agreement(exact, rows)
    if len(pixels) < ENOUGH:
        cosine = float(np.mean(np.sum(exact * rows, axis=1)))
        if cosine < LEAST_COSINE:
            reason = (
                f"of your first {len(pixels)} pictures the embeddings have a cosine of only "
                f"{cosine:.2f} with those of fp32, and {LEAST_COSINE} is asked for"
            )
            raise PrecisionRefused(name, precision, reason)
    elif agreement < LEAST_AGREEMENT:
        nearest = _compared(len(pixels))
        reason = (
            f"on your first {len(pixels)} pictures only {agreement:.0%} of the {nearest} "
            f"nearest are those of fp32, and {LEAST_AGREEMENT:.0%} are asked for"
        )
        raise PrecisionRefused(name, precision, reason)
    return agreement


def neighbour_agreement(exact: Embeddings, other: Embeddings) -> float:
    """The mean share of each row's 10 nearest others that two embeddings [n, d] have in common.

    With 20 rows or fewer only the nearer half of the others is compared: all would agree.
    """
    count = len(exact)
    if count < 2:
        raise ValueError("the agreement of neighbours needs two pictures or more")
    k = _compared(count)
    pairs = zip(_nearest(exact, k), _nearest(other, k), strict=True)
    return float(np.mean([len(np.intersect1d(one, two)) / k for one, two in pairs]))


def _compared(count: int) -> int:
    """How many neighbours each of `count` pictures is asked for."""
    return min(NEIGHBOURS, max(1, (count - 1) // 2))


def _nearest(rows: Embeddings, k: int) -> NDArray[np.intp]:
    scores = rows @ rows.T
    np.fill_diagonal(scores, -np.inf)
    return np.argsort(-scores, axis=1, kind="stable")[:, :k]
