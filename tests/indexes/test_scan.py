"""Exact search without an index, merged answers, and their agreement."""

from __future__ import annotations

import numpy as np
import pytest

from clipsearch.indexes import Found, agreement_at_k, merge, scan


def found(*rows: tuple[list[int], list[float]]) -> Found:
    ids, scores = zip(*rows, strict=True)
    return Found(np.array(ids, np.int64), np.array(scores, np.float32))


def test_a_scan_orders_by_score_and_then_by_id() -> None:
    rows = np.array([[0, 1], [1, 0], [0.6, 0.8], [1, 0]], np.float32)
    seen = scan(rows[1:2], rows, np.array([4, 9, 2, 3]), 3)
    assert seen.ids.tolist() == [[3, 9, 2]]
    np.testing.assert_allclose(seen.scores, [[1, 1, 0.6]])


def test_a_scan_of_nothing_finds_nothing() -> None:
    seen = scan(np.ones((2, 3), np.float32), np.empty((0, 3), np.float32), np.arange(0), 5)
    assert seen.ids.shape == seen.scores.shape == (2, 0)


def test_a_scan_over_several_blocks_finds_the_best_of_all() -> None:
    rows = np.random.default_rng(0).standard_normal((10_000, 8), dtype=np.float32)
    seen = scan(rows[:2], rows, np.arange(10_000), 3)
    expected = np.argsort(-(rows[:2] @ rows.T), axis=1)[:, :3]
    np.testing.assert_array_equal(seen.ids, expected)


def test_a_scan_refuses_what_an_index_refuses() -> None:
    rows = np.ones((2, 3), np.float32)
    for queries, k in ((rows, 0), (rows * np.nan, 1), (rows[:, :2], 1)):
        with pytest.raises(ValueError, match=r"k must|finite|queries must"):
            scan(queries, rows, np.arange(2), k)
    with pytest.raises(ValueError, match="do not name"):
        scan(rows, rows, np.arange(3), 1)


def test_an_id_in_both_answers_counts_once_with_its_better_score() -> None:
    merged = merge(found(([1, 2], [0.9, 0.5])), found(([2, 3], [0.7, 0.6])), 5)
    assert merged.ids.tolist() == [[1, 2, 3]]
    np.testing.assert_allclose(merged.scores, [[0.9, 0.7, 0.6]])


def test_merged_rows_that_are_short_are_padded() -> None:
    left = found(([1, 2], [0.9, 0.5]), ([1, 2], [0.9, 0.5]))
    right = found(([2], [0.7]), ([3], [0.7]))
    merged = merge(left, right, 5)
    assert merged.ids.tolist() == [[1, 2, -1], [1, 3, 2]]
    assert merged.scores[0, 2] == -np.inf
    again = merge(merged, right, 5)
    assert again.ids.tolist() == merged.ids.tolist()


def test_merging_with_nothing_changes_nothing() -> None:
    left = found(([1, 2], [0.9, 0.5]))
    assert merge(left, Found.nothing(1), 9).ids.tolist() == left.ids.tolist()
    assert merge(Found.nothing(1), left, 1).ids.tolist() == [[1]]
    assert merge(Found.nothing(1), Found.nothing(1), 1).ids.shape == (1, 0)


def test_answers_to_different_queries_are_not_merged_or_compared() -> None:
    with pytest.raises(ValueError, match="merged"):
        merge(Found.nothing(1), Found.nothing(2), 1)
    with pytest.raises(ValueError, match="compared"):
        agreement_at_k(Found.nothing(1), Found.nothing(2))
    with pytest.raises(ValueError, match="k must"):
        merge(Found.nothing(1), Found.nothing(1), 0)


def test_agreement_is_the_mean_part_of_the_exact_answer() -> None:
    exact = found(([1, 2], [0.9, 0.5]), ([3, 4], [0.9, 0.5]))
    assert agreement_at_k(exact, exact) == 1
    assert agreement_at_k(found(([2, 1], [1, 1]), ([4, 9], [1, 1])), exact) == 0.75
    assert agreement_at_k(found(([9, 8, 1], [1, 1, 1]), ([9, 8, 3], [1, 1, 1])), exact) == 0
    assert agreement_at_k(Found.nothing(2), exact) == 0
    assert agreement_at_k(exact, Found.nothing(2)) == 1
