"""CIDEr-D: how far a caption says what people say of a picture and of few others.

Vedantam, Zitnick and Parikh, "CIDEr: Consensus-based Image Description Evaluation" (CVPR 2015),
in the form D that MS COCO's evaluation computes: n-grams of one to four words weighted by their
rarity among the references, counts clipped, and a Gaussian penalty (sigma 6) on the difference
in length.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from clipsearch.measures.caption_words import Words
from clipsearch.measures.ngrams import LONGEST, ngrams

SIGMA = 6.0
SCALE = 10.0


@dataclass(frozen=True, slots=True)
class _Weighed:
    """The weights of a caption's n-grams, their norms by length, and its length in bigrams."""

    weights: dict[Words, float]
    norms: tuple[float, ...]
    length: int


class CiderD:
    """CIDEr-D against the references of a set of pictures, from 0 to 10; good captions reach 1."""

    def __init__(self, references: Sequence[Sequence[Words]]) -> None:
        """Count in how many pictures' references each n-gram stands.

        Raises ValueError for a picture without a reference.
        """
        if not all(references):
            raise ValueError("every picture needs a reference")
        counted = [[ngrams(words) for words in own] for own in references]
        self._found_in = Counter(gram for own in counted for gram in set().union(*own))
        self._most = math.log(max(len(references), 1))
        self._references = [[self._weighed(counts) for counts in own] for own in counted]

    def score(self, picture: int, words: Words) -> float:
        """The score of a caption of the picture at that place."""
        given = self._weighed(ngrams(words))
        own = self._references[picture]
        return SCALE * sum(_likeness(given, each) for each in own) / len(own)

    def _weighed(self, counts: Counter[Words]) -> _Weighed:
        weights = {
            gram: count * (self._most - math.log(max(1, self._found_in[gram])))
            for gram, count in counts.items()
        }
        squares = [0.0] * (LONGEST + 1)
        for gram, weight in weights.items():
            squares[len(gram)] += weight * weight
        length = sum(count for gram, count in counts.items() if len(gram) == 2)
        return _Weighed(weights, tuple(math.sqrt(each) for each in squares), length)


def _likeness(given: _Weighed, reference: _Weighed) -> float:
    """The mean cosine over the four lengths of n-grams, less for another length."""
    products = [0.0] * (LONGEST + 1)
    for gram, weight in given.weights.items():
        own = reference.weights.get(gram)
        if own is not None:
            products[len(gram)] += min(weight, own) * own
    cosines = [
        product / (one * other) if one and other else 0.0
        for product, one, other in zip(products, given.norms, reference.norms, strict=True)
    ]
    difference = given.length - reference.length
    return sum(cosines) / LONGEST * math.exp(-(difference**2) / (2 * SIGMA**2))
