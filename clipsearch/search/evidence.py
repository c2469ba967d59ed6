"""What a signal is worth, in nats: the numbers that one fused ranking adds up.

Cosines are taken relative to the query's own level, its cosines with a sample of the
collection, for they cannot be compared from query to query, nor those of pictures with those of
captions. Before that a share of a picture's hubness is taken off its cosine. Captions and words
only ever add: an image without them loses nothing, and wrong ones take nothing from the picture.

The constants are those under which the right picture is likeliest (softmax over the
collection), fitted by `benchmarks/fusion_fit.py`, and what a model's caption is worth by
`benchmarks/generated.py --fit`; docs/fusion.md has the measurements.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clipsearch.catalogue.words import MatchedWords
from clipsearch.values import Embeddings

PICTURE = 2.0
"""Nats for each standard deviation that a picture is nearer to the query than the average."""
CAPTION, CAPTION_FROM = 1.9, 3.4
"""The same of a caption, from so many deviations on; below, it says next to nothing."""
GENERATED = 0.2
"""What a model's caption is worth beside people's."""
BM25 = 0.1
WHOLE = 2.0
"""Nats for a unit of BM25, and for each nat of rarity of an image that has all the words."""

Numbers = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Level:
    """Mean and standard deviation of a query's scores with a sample of the collection."""

    mean: float
    deviation: float

    @classmethod
    def of(cls, query: Embeddings, sample: Embeddings) -> Level:
        """Of a query [dim] and a sample [n, dim]; without any spread nothing stands out."""
        return cls.of_scores(np.vecdot(sample, query))

    @classmethod
    def of_scores(cls, scores: Numbers) -> Level:
        """Of scores [n] that are there already."""
        scores = scores if len(scores) else np.zeros(1, np.float32)
        deviation = float(scores.std(dtype=np.float64))
        return cls(float(scores.mean(dtype=np.float64)), deviation if deviation > 1e-6 else np.inf)

    def deviations(self, cosines: Numbers) -> Numbers:
        """How many standard deviations above the mean: float32 [n]."""
        return np.asarray((cosines - self.mean) / self.deviation, np.float32)


def picture_evidence(scores: Numbers, level: Level) -> Numbers:
    """Evidence of the pictures' own scores: linear, 0 for the average picture."""
    return np.asarray(PICTURE * level.deviations(scores), np.float32)


def caption_evidence(cosines: Numbers, level: Level) -> Numbers:
    """Evidence of captions' cosines: log(1 + exp(1.9 (z - 3.4))), never below 0."""
    above = level.deviations(cosines) - CAPTION_FROM
    return np.asarray(np.logaddexp(0.0, CAPTION * above), np.float32)


def words_evidence(matched: MatchedWords) -> Numbers:
    """Evidence of words: BM25, and more where an image has them all."""
    return np.asarray(BM25 * matched.bm25 + WHOLE * matched.whole, np.float32)
