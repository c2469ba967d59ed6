"""A query's cosines with pictures, less a share of what these are as hubs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clipsearch.calibration import Hubness, hubness_of
from clipsearch.calibration.hubness import SHARE
from clipsearch.search.evidence import Level, Numbers, picture_evidence
from clipsearch.values import Embeddings

LEAST_PERCENT = 5
"""No picture counts as less of a hub than so many percent of the sample are. So a cosine says what
a picture can be worth at most, and one odd picture does not loosen that bound for all."""


@dataclass(frozen=True, slots=True, eq=False)
class SampledHubs:
    """The hubness of each picture of a sample, float32 [n], and the least that counts."""

    hubness: Hubness
    values: Numbers
    least: float

    @classmethod
    def of(cls, hubness: Hubness, sample: Embeddings) -> SampledHubs:
        """Of a sample [n, dim] of at least one picture."""
        found = hubness.among(sample)
        least = float(np.sort(found)[len(found) * LEAST_PERCENT // 100])
        return cls(hubness, np.maximum(found, np.float32(least)), least)

    def counted(self, pictures: Embeddings) -> Numbers:
        """What pictures [n, dim] count as hubs: float32 [n]."""
        return np.maximum(self.hubness.of(pictures), np.float32(self.least))


class RememberedHubs:
    """Takes the hubness of samples; a collection that stays as it is has it taken once."""

    def __init__(self, tower_digest: str) -> None:
        """Look the tower's centres up."""
        self._hubness = hubness_of(tower_digest)
        self._last: tuple[Embeddings, SampledHubs] | None = None

    def of(self, sample: Embeddings) -> SampledHubs | None:
        """Of a sample [n, dim]; None where a tower's hubness is not known, or of no picture."""
        if self._hubness is None or not len(sample):
            return None
        last = self._last
        if last is None or not np.array_equal(last[0], sample):
            last = self._last = (sample, SampledHubs.of(self._hubness, sample))
        return last[1]


@dataclass(frozen=True, slots=True)
class PictureScores:
    """What a query's cosines with pictures are worth. Without `hubs` scores are the cosines.

    `level` is that of the query's scores with the sample.
    """

    hubs: SampledHubs | None
    level: Level

    @classmethod
    def of(cls, query: Embeddings, sample: Embeddings, hubs: SampledHubs | None) -> PictureScores:
        """Of a query [dim], a sample [n, dim] of the collection and the hubness of that."""
        cosines = np.vecdot(sample, query)
        if hubs is None:
            return cls(None, Level.of_scores(cosines))
        return cls(hubs, Level.of_scores(_less(cosines, hubs.values)))

    def counted(self, pictures: Embeddings) -> Numbers | None:
        """What pictures [n, dim] count as hubs, where that is known."""
        return None if self.hubs is None else self.hubs.counted(pictures)

    def evidence(self, cosines: Numbers, counted: Numbers | None) -> Numbers:
        """What the cosines [n] of pictures are worth that count as such hubs."""
        return picture_evidence(cosines if counted is None else _less(cosines, counted), self.level)

    def at_most(self, cosine: float) -> float:
        """The most that a cosine can be worth, whatever the picture."""
        least = None if self.hubs is None else np.array([self.hubs.least], np.float32)
        return float(self.evidence(np.array([cosine], np.float32), least)[0])


def _less(cosines: Numbers, hubs: Numbers) -> Numbers:
    return np.asarray(cosines - np.float32(SHARE) * hubs, np.float32)
