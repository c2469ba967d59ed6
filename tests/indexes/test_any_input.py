"""Every index against the oracle, on whatever hypothesis thinks of."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clipsearch.indexes import Recipe, merge, publish, scan
from clipsearch.values import Embeddings, Ids

RECIPES = {
    "flat": Recipe("flat"),
    "flat-fp32": Recipe("flat", "fp32"),
    "pq": Recipe("pq", candidates=16, candidate_share=0.99),
}


def few_directions(seed: int, n: int, d: int) -> Embeddings:
    """Rows of which many are equal, exact in fp16."""
    draw = np.random.default_rng(seed)
    pool = draw.standard_normal((max(n // 3, 1), d)).astype(np.float32)
    pool /= np.linalg.norm(pool, axis=1, keepdims=True)
    return pool[draw.integers(0, len(pool), n)].astype(np.float16).astype(np.float32)


def some_ids(draw: st.DataObject, ids: Ids) -> Ids | None:
    chosen = draw.draw(st.none() | st.sets(st.sampled_from([*ids.tolist(), -1, 10**9])))
    return None if chosen is None else np.array(sorted(chosen), np.int64)


@pytest.mark.parametrize("name", RECIPES)
@settings(max_examples=60, deadline=None)
@given(draw=st.data())
def test_an_index_answers_as_the_oracle_does(name: str, draw: st.DataObject) -> None:
    n, d = draw.draw(st.integers(1, 90)), draw.draw(st.sampled_from([3, 4, 8]))
    seed, k = draw.draw(st.integers(0, 99)), draw.draw(st.integers(1, 100))
    ids = np.sort(np.random.default_rng(seed).choice(500, n, replace=False))
    rows = few_directions(seed, n, d)
    allowed, hidden = some_ids(draw, ids), some_ids(draw, ids)
    kept = np.ones(n, bool) if allowed is None else np.isin(ids, allowed)
    if hidden is not None:
        kept &= ~np.isin(ids, hidden)
    with tempfile.TemporaryDirectory() as folder:
        held = publish(Path(folder), 1, RECIPES[name], [(ids, rows)], {})
        found = held.index.search(rows[:2], k, allowed, hidden)
    expected = scan(rows[:2], rows[kept], ids[kept], k)
    np.testing.assert_array_equal(found.ids, expected.ids)
    np.testing.assert_array_equal(found.scores, expected.scores)


@settings(max_examples=60, deadline=None)
@given(n=st.integers(0, 80), cut=st.integers(0, 80), k=st.integers(1, 90), seed=st.integers(0, 99))
def test_two_parts_merged_are_the_whole(n: int, cut: int, k: int, seed: int) -> None:
    rows, ids = few_directions(seed, n, 5), np.arange(n) * 2
    queries = few_directions(seed + 1, 3, 5)
    first = scan(queries, rows[:cut], ids[:cut], k)
    merged = merge(scan(queries, rows[cut:], ids[cut:], k), first, k)
    whole = scan(queries, rows, ids, k)
    np.testing.assert_array_equal(merged.ids, whole.ids)
    np.testing.assert_array_equal(merged.scores, whole.scores)
