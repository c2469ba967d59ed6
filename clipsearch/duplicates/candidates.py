"""Which pairs of pictures are worth comparing: near ones, never all of them.

Two searches propose. Sketches' signatures find what was encoded anew, resized, turned or
mirrored, whatever the tower makes of it; embeddings find what was cropped or framed, and what
looks alike. Both are searched a block of pictures at a time, so memory grows with the number of
pictures, not with its square.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clipsearch.duplicates.sketch import Floats, Sketches
from clipsearch.duplicates.turns import TURNS, turned_all
from clipsearch.indexes import Found
from clipsearch.values import Embeddings, Ids

NEAREST = 12
"""So many neighbours of each picture are looked at in each of the two searches..."""

ALL_THAT_NEAR = 64
"""...and so many where signatures are nearly equal: a picture may have many copies."""

_NEAR, _VERY_NEAR = 0.84, 0.99
_BLOCK = 1024
_PAIRS_AT_ONCE = 1024

Rows = NDArray[np.intp]
Search = Callable[[Embeddings, int], Found]
"""(queries [m, dim], k) -> the k nearest images of each query."""


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Pairs of pictures by their rows, first < second.

    `scores` are the cosines of their embeddings, NaN where those did not propose the pair.
    """

    first: Rows
    second: Rows
    scores: Floats

    def __len__(self) -> int:
        return len(self.first)

    def at(self, kept: NDArray[np.bool_] | Rows) -> Pairs:
        """Some of the pairs."""
        return Pairs(self.first[kept], self.second[kept], self.scores[kept])


def by_signatures(signatures: Embeddings) -> Iterator[Pairs]:
    """Pairs whose signatures [n, 63] are near each other."""
    count = len(signatures)
    for start in range(0, count, _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, count))
        near = _nearest_rows(signatures, signatures[rows], ALL_THAT_NEAR + 1)
        for place, (others, scores) in zip(rows, near, strict=True):
            ranks = np.arange(len(others))
            kept = (scores >= _VERY_NEAR) | ((ranks <= NEAREST) & (scores >= _NEAR))
            kept &= others != place
            yield _ordered(np.full(kept.sum(), place), others[kept])


def _nearest_rows(
    signatures: Embeddings, queries: Embeddings, count: int
) -> Iterator[tuple[Rows, Floats]]:
    """The nearest rows of each query, best first, by products of blocks with blocks."""
    scores = np.empty((len(queries), 0), np.float32)
    rows = np.empty((len(queries), 0), np.intp)
    for start in range(0, len(signatures), 8 * _BLOCK):
        block = queries @ signatures[start : start + 8 * _BLOCK].T
        some = min(count, block.shape[1])
        best = np.argpartition(-block, some - 1, axis=1)[:, :some]
        scores = np.concatenate([scores, np.take_along_axis(block, best, axis=1)], axis=1)
        rows = np.concatenate([rows, best + start], axis=1)
    for line, at in zip(scores, rows, strict=True):
        order = np.argsort(-line, kind="stable")[:count]
        yield at[order], line[order]


def by_embeddings(
    chunks: Iterable[tuple[Ids, Embeddings]], ids: Ids, search: Search, least: float
) -> Iterator[tuple[int, Pairs]]:
    """Pairs of the images `ids` (ascending) with a cosine of at least `least`.

    `chunks` are ids and embeddings; what is not among `ids` is passed over. With the pairs
    comes how many images were asked about.
    """
    done = 0
    for chunk_ids, embeddings in chunks:
        known = np.isin(chunk_ids, ids)
        for start in range(0, int(known.sum()), _BLOCK):
            part = slice(start, start + _BLOCK)
            asked = chunk_ids[known][part]
            done += len(asked)
            found = search(embeddings[known][part], NEAREST + 1)
            first = np.repeat(asked, found.ids.shape[1])
            second, scores = found.ids.ravel(), found.scores.ravel()
            kept = (second != first) & (scores >= least) & np.isin(second, ids)
            at = np.searchsorted(ids, first[kept]), np.searchsorted(ids, second[kept])
            yield done, _ordered(*at, scores[kept])


def joined(parts: Iterable[Pairs]) -> Pairs:
    """All pairs, each once; a score that is known stays."""
    every = list(parts) or [_ordered(np.empty(0, np.intp), np.empty(0, np.intp))]
    first = np.concatenate([pairs.first for pairs in every])
    second = np.concatenate([pairs.second for pairs in every])
    scores = np.concatenate([pairs.scores for pairs in every])
    order = np.lexsort((np.isnan(scores), second, first))
    first, second, scores = first[order], second[order], scores[order]
    new = np.ones(len(first), bool)
    new[1:] = (first[1:] != first[:-1]) | (second[1:] != second[:-1])
    return Pairs(first[new], second[new], scores[new])


def whole_correlations(sketches: Sketches, pairs: Pairs) -> Floats:
    """Correlation of the first sketch with the second in each of its eight turns: [n, 8]."""
    parts = [np.empty((0, TURNS), np.float32)]
    for start in range(0, len(pairs), _PAIRS_AT_ONCE):
        part = slice(start, start + _PAIRS_AT_ONCE)
        one = _normal(sketches[pairs.first[part]][:, np.newaxis])
        other = _normal(turned_all(sketches[pairs.second[part]]))
        parts.append(np.einsum("nip,njp->nj", one, other))
    return np.concatenate(parts)


def _normal(greys: Sketches) -> Floats:
    flat = greys.reshape(*greys.shape[:2], -1).astype(np.float32)
    flat -= flat.mean(axis=-1, keepdims=True)
    flat /= np.maximum(np.linalg.norm(flat, axis=-1, keepdims=True), 1e-3)
    return flat


def _ordered(one: Rows, other: Rows, scores: Floats | None = None) -> Pairs:
    known = np.full(len(one), np.nan, np.float32) if scores is None else scores
    return Pairs(np.minimum(one, other), np.maximum(one, other), known)
