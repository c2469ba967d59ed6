"""How near a picture is to whatever people say: such hubs come first for queries of others.

In a space of many dimensions some points are among the nearest of very many others (Radovanović,
Nanopoulos and Ivanović 2010), and a picture that is one takes places from the pictures that are
meant. So a part of its nearness to sentences in general is taken off its cosine, as CSLS does
(Conneau et al. 2018) and querybank normalisation (Bogolin et al. 2022). In place of sentences
stand the centres of clusters of them, learned with the tower
(`clipsearch.training.sentence_centres`); towers without such centres are ranked by cosine.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clipsearch.values import Embeddings

NEAREST = 5
"""A picture's hubness is its mean cosine with so many centres, the nearest."""
SHARE = 0.3
"""So much of it is taken off the picture's cosine."""

Numbers = NDArray[np.float32]

_FOLDER = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True, eq=False)
class Hubness:
    """Centres of sentences in a tower's space, unit rows float32 [c, dim]."""

    centres: Embeddings

    def of(self, pictures: Embeddings) -> Numbers:
        """The hubness of pictures [n, dim]: float32 [n].

        A product a picture: equal embeddings are equal hubs, whatever stands beside them.
        """
        cosines = np.matmul(pictures[:, np.newaxis, :], self.centres.T)[:, 0, :]
        return self._mean_of_nearest(cosines)

    def among(self, pictures: Embeddings) -> Numbers:
        """The same in one product, several times as fast, exact but for its last bits."""
        return self._mean_of_nearest(pictures @ self.centres.T)

    def _mean_of_nearest(self, cosines: Numbers) -> Numbers:
        count = min(NEAREST, cosines.shape[1])
        nearest = np.partition(cosines, -count, axis=1)[:, -count:]
        return np.asarray(nearest.mean(axis=1), np.float32)


@cache
def hubness_of(tower_digest: str) -> Hubness | None:
    """The hubness in a tower's space, where its centres came with the package; else None."""
    try:
        centres = np.load(centres_file(tower_digest), allow_pickle=False)
    except FileNotFoundError:
        return None
    return Hubness(np.asarray(centres, np.float32))


def centres_file(tower_digest: str) -> Path:
    """Where the centres of a tower lie."""
    return _FOLDER / f"centres-{tower_digest[:12]}.npy"
