"""Compares the sketches of pairs, so that only what may be a copy is read from the disk again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clipsearch.duplicates.candidates import Pairs, whole_correlations
from clipsearch.duplicates.comparing import halved, likeness
from clipsearch.duplicates.sketch import Floats, Sketches
from clipsearch.duplicates.turns import turned_all

SIMILAR = 0.8
"""Least cosine of embeddings of what may be a crop of the other."""

_WHOLE = 0.97
"""Sketches that correlate so as they are need not be laid over each other."""

_RELATED, _RELATED_UNSEEN = 0.4, 0.8
"""Least correlations as they are, of pairs that embeddings propose and that signatures alone do."""

_COARSELY, _FINELY = 0.6, 0.88
"""Least correlations once they are laid over each other, at 16 and at 32 pixels."""

_UPRIGHT_MARGIN = 0.02
_PAIRS_AT_ONCE = 256


@dataclass(frozen=True, slots=True, eq=False)
class Screened:
    """Pairs with the turn that brings the second like the first, and whether they may be copies."""

    pairs: Pairs
    turns: NDArray[np.intp]
    maybe_copies: NDArray[np.bool_]


def screened(sketches: Sketches, pairs: Pairs) -> Screened:
    """Compare the sketches of every pair."""
    whole = whole_correlations(sketches, pairs)
    best = whole.max(axis=1, initial=-1)
    upright = whole[:, 0] >= best - _UPRIGHT_MARGIN
    turns = np.where(upright, 0, np.argmax(whole, axis=1))
    maybe = best >= _WHOLE
    related = np.where(pairs.scores >= SIMILAR, _RELATED, _RELATED_UNSEEN)
    doubtful = np.flatnonzero(~maybe & (best >= related))
    maybe[doubtful] = _fit(sketches, pairs.at(doubtful), turns[doubtful])
    return Screened(pairs, turns, maybe)


def _fit(sketches: Sketches, pairs: Pairs, turns: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Whether sketches correlate when they are laid over each other, coarsely and then finely."""
    fit = np.zeros(len(pairs), bool)
    for start in range(0, len(pairs), _PAIRS_AT_ONCE):
        part = np.arange(start, min(start + _PAIRS_AT_ONCE, len(pairs)))
        first = sketches[pairs.first[part]].astype(np.float32)
        every = turned_all(sketches[pairs.second[part]])
        second = every[np.arange(len(part)), turns[part]].astype(np.float32)
        near = _correlations(halved(first), halved(second)) >= _COARSELY
        part = part[near]
        fit[part] = _correlations(first[near], second[near]) >= _FINELY
    return fit


def _correlations(first: Floats, second: Floats) -> Floats:
    return likeness(first[..., np.newaxis], second[..., np.newaxis]).correlations
