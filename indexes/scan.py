"""Exact search without an index, and the union of two answers."""

from __future__ import annotations

import numpy as np

from clipsearch.indexes.protocol import Found, Scores
from clipsearch.indexes.ranking import best, checked
from clipsearch.values import Embeddings, Ids

_ROWS_AT_ONCE = 4096
"""At 512 dimensions 8 MiB: a block stays in the cache while each query reads it."""


def scan(queries: Embeddings, embeddings: Embeddings, ids: Ids, k: int) -> Found:
    """Return the `k` nearest of each query by reading every embedding: exact, in float32.

    For embeddings that no generation holds yet. `queries` is [m, d], `embeddings` [n, d], `ids`
    int64 [n] in any order; the answer is [m, min(k, n)]. Raises ValueError as `Index.search`.
    """
    if embeddings.ndim != 2 or ids.shape != (len(embeddings),):
        raise ValueError(f"ids {ids.shape} do not name embeddings {embeddings.shape}")
    asked = checked(queries, k, embeddings.shape[1])
    scores = np.empty((len(asked), len(ids)), np.float32)
    for start in range(0, len(ids), _ROWS_AT_ONCE):
        block = slice(start, start + _ROWS_AT_ONCE)
        for query, row in zip(asked, scores, strict=True):
            # One dot product a row: equal embeddings score equally, which a matrix product
            # does not promise.
            row[block] = np.vecdot(embeddings[block], query)
    order = [best(row, ids, k) for row in scores]
    if not order:
        return Found.nothing(0)
    return Found(
        np.stack([ids[rows] for rows in order]),
        np.stack([row[rows] for row, rows in zip(scores, order, strict=True)]),
    )


def merge(found_a: Found, found_b: Found, k: int) -> Found:
    """Return the `k` best of two answers to the same m queries.

    An id in both counts once, with its better score. Rows that come out short are padded as
    `Found` says. Raises ValueError for k < 1 or when the numbers of queries differ.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    if len(found_a) != len(found_b):
        raise ValueError(f"answers to {len(found_a)} and {len(found_b)} queries cannot be merged")
    all_ids = np.concatenate([found_a.ids, found_b.ids], axis=1)
    all_scores = np.concatenate([found_a.scores, found_b.scores], axis=1)
    rows = [_distinct(ids, scores, k) for ids, scores in zip(all_ids, all_scores, strict=True)]
    width = max((len(ids) for ids, _ in rows), default=0)
    merged = Found(
        np.full((len(rows), width), -1, np.int64),
        np.full((len(rows), width), -np.inf, np.float32),
    )
    for at, (ids, scores) in enumerate(rows):
        merged.ids[at, : len(ids)], merged.scores[at, : len(ids)] = ids, scores
    return merged


def _distinct(ids: Ids, scores: Scores, k: int) -> tuple[Ids, Scores]:
    order = best(scores, ids, len(ids))
    order = order[ids[order] >= 0]
    _, first = np.unique(ids[order], return_index=True)
    kept = order[np.sort(first)][:k]
    return ids[kept], scores[kept]
