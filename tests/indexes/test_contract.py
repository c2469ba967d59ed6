"""What every index promises, whichever recipe made it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from clipsearch.indexes import Found, Generation, publish, recipe_named, scan
from clipsearch.values import Embeddings, Ids

MakeRows = Callable[[int, int], Embeddings]
MakeIndex = Callable[[Ids, Embeddings], Generation]

N, D = 1500, 32
GAPPY = np.arange(N) * 3 + 7


def assert_same(found: Found, expected: Found) -> None:
    np.testing.assert_array_equal(found.ids, expected.ids)
    np.testing.assert_array_equal(found.scores, expected.scores)


def test_the_nearest_come_first_with_their_cosines(
    make_rows: MakeRows, make_index: MakeIndex
) -> None:
    rows = make_rows(N, D)
    held = make_index(GAPPY, rows)
    queries = make_rows(N + 3, D)[N:]
    found = held.index.search(queries, 10)
    assert found.ids.shape == found.scores.shape == (3, 10)
    assert found.ids.dtype == np.int64
    assert found.scores.dtype == np.float32
    assert_same(found, scan(queries, rows, GAPPY, 10))


def test_an_index_tells_what_it_holds(
    name: str, make_rows: MakeRows, make_index: MakeIndex
) -> None:
    index = make_index(GAPPY, make_rows(N, D)).index
    assert (index.kind, index.dim, len(index)) == (name.split("-")[0], D, N)
    assert index.last_id == GAPPY[-1]


def test_stored_embeddings_of_the_ids_that_are_held_can_be_read(
    make_rows: MakeRows, make_index: MakeIndex
) -> None:
    rows = make_rows(N, D)
    index = make_index(GAPPY, rows).index
    ids, stored = index.stored_rows(np.array([0, GAPPY[3], GAPPY[3] + 1, GAPPY[-1], 10**6]))
    np.testing.assert_array_equal(ids, GAPPY[[3, -1]])
    np.testing.assert_allclose(stored, rows[[3, -1]], atol=1e-3)


def test_equal_scores_stand_in_ascending_id_also_at_the_border_of_k(
    make_rows: MakeRows, make_index: MakeIndex
) -> None:
    rows = make_rows(N, D)
    rows[::10] = rows[0]
    index = make_index(GAPPY, rows).index
    for k in (1, 7, 100, 150):
        found = index.search(rows[:1], k)
        np.testing.assert_array_equal(found.ids[0], GAPPY[::10][:k])
        assert len(np.unique(found.scores)) == 1


def test_an_index_of_nothing_but_duplicates_answers(
    make_rows: MakeRows, make_index: MakeIndex
) -> None:
    rows = np.repeat(make_rows(1, D), N, axis=0)
    found = make_index(GAPPY, rows).index.search(rows[:1], 20)
    np.testing.assert_array_equal(found.ids[0], GAPPY[:20])


def test_the_top_five_are_the_head_of_the_top_fifteen(
    make_rows: MakeRows, make_index: MakeIndex
) -> None:
    rows = make_rows(N + 50, D)
    index = make_index(GAPPY, rows[:N]).index
    widest = index.search(rows[N:], 200)
    for k in (1, 5, 15, 64):
        found = index.search(rows[N:], k)
        np.testing.assert_array_equal(found.ids, widest.ids[:, :k])
        np.testing.assert_array_equal(found.scores, widest.scores[:, :k])


def test_queries_together_get_the_answers_of_queries_alone(
    make_rows: MakeRows, make_index: MakeIndex
) -> None:
    rows = make_rows(N + 40, D)
    index = make_index(GAPPY, rows[:N]).index
    together = index.search(rows[N:], 10)
    for at in range(40):
        alone = index.search(rows[N + at : N + at + 1], 10)
        np.testing.assert_array_equal(alone.ids[0], together.ids[at])
        np.testing.assert_array_equal(alone.scores[0], together.scores[at])


def test_more_than_there_is_gives_all_there_is(make_rows: MakeRows, make_index: MakeIndex) -> None:
    rows = make_rows(N, D)
    found = make_index(GAPPY, rows).index.search(rows[:2], N + 1)
    assert found.ids.shape == (2, N)
    np.testing.assert_array_equal(np.sort(found.ids, axis=1), [GAPPY, GAPPY])


@pytest.mark.parametrize("n", [1, 2, 20])
def test_a_handful_of_embeddings_is_enough(
    n: int, make_rows: MakeRows, make_index: MakeIndex
) -> None:
    rows = make_rows(n, D)
    held = make_index(GAPPY[:n], rows)
    assert_same(held.index.search(rows, 5), scan(rows, rows, GAPPY[:n], 5))


def test_an_empty_index_answers_with_nothing(make_rows: MakeRows, make_index: MakeIndex) -> None:
    held = make_index(np.empty(0, np.int64), np.empty((0, D), np.float32))
    found = held.index.search(make_rows(3, D), 5)
    assert found.ids.shape == found.scores.shape == (3, 0)
    assert (len(held.index), held.index.dim, held.index.last_id) == (0, D, 0)


def test_no_query_gets_no_answer(make_rows: MakeRows, make_index: MakeIndex) -> None:
    index = make_index(GAPPY, make_rows(N, D)).index
    assert len(index.search(np.empty((0, D), np.float32), 5)) == 0


@pytest.mark.parametrize("dim", [1, 6, 31])
def test_any_width_serves(dim: int, make_rows: MakeRows, make_index: MakeIndex) -> None:
    rows = make_rows(N, dim)
    held = make_index(GAPPY, rows)
    assert_same(held.index.search(rows[:5], 9), scan(rows[:5], rows, GAPPY, 9))


@pytest.mark.parametrize("count", [1, 3, 200, 700, N - 3, N])
def test_only_what_is_allowed_is_found_and_all_of_it(
    count: int, make_rows: MakeRows, make_index: MakeIndex
) -> None:
    rows = make_rows(N, D)
    held = make_index(GAPPY, rows)
    kept = np.sort(np.random.default_rng(1).choice(N, count, replace=False))
    for k in (10, count):
        found = held.index.search(rows[:3], k, allowed=GAPPY[kept])
        assert_same(found, scan(rows[:3], rows[kept], GAPPY[kept], k))


@pytest.mark.parametrize("count", [0, 1, 30, 1100, N])
def test_what_is_hidden_is_not_found_and_nothing_else_is_lost(
    count: int, make_rows: MakeRows, make_index: MakeIndex
) -> None:
    rows = make_rows(N, D)
    held = make_index(GAPPY, rows)
    # The very nearest of the first query are those that are hidden.
    hidden = scan(rows[:1], rows, GAPPY, N).ids[0, :count]
    left = ~np.isin(GAPPY, hidden)
    found = held.index.search(rows[:2], 10, hidden=np.sort(hidden))
    assert_same(found, scan(rows[:2], rows[left], GAPPY[left], 10))


def test_allowed_and_hidden_hold_together(make_rows: MakeRows, make_index: MakeIndex) -> None:
    rows = make_rows(N, D)
    held = make_index(GAPPY, rows)
    for allowed, hidden in ((GAPPY[:900], GAPPY[100:150]), (GAPPY[:50], GAPPY[:48])):
        kept = np.isin(GAPPY, np.setdiff1d(allowed, hidden))
        found = held.index.search(rows[:3], 10, allowed=allowed, hidden=hidden)
        assert_same(found, scan(rows[:3], rows[kept], GAPPY[kept], 10))


def test_ids_that_are_not_held_are_no_matter(make_rows: MakeRows, make_index: MakeIndex) -> None:
    rows = make_rows(N, D)
    index = make_index(GAPPY, rows).index
    strange = np.array([-5, 0, 8, GAPPY[4], GAPPY[-1] + 1, 2**62])
    np.testing.assert_array_equal(index.search(rows[:1], 5, strange).ids, [[GAPPY[4]]])
    assert index.search(rows[:1], 5, np.array([8])).ids.shape == (1, 0)
    assert index.search(rows[:1], 5, hidden=strange).ids[0, 0] == GAPPY[0]


def test_an_allowed_id_named_twice_is_found_once(
    make_rows: MakeRows, make_index: MakeIndex
) -> None:
    rows = make_rows(N, D)
    twice = GAPPY[[9, 3, 9]]
    found = make_index(GAPPY, rows).index.search(rows[:1], 5, twice)
    assert sorted(found.ids[0]) == [GAPPY[3], GAPPY[9]]


def test_threads_side_by_side_get_the_same_answers(
    make_rows: MakeRows, make_index: MakeIndex
) -> None:
    rows = make_rows(N, D)
    index = make_index(GAPPY, rows).index
    alone = index.search(rows[:60], 10)
    with ThreadPoolExecutor(6) as pool:
        filters = [None, GAPPY]
        found = list(
            pool.map(lambda at: index.search(rows[at : at + 1], 10, filters[at % 2]), range(60))
        )
    np.testing.assert_array_equal(np.concatenate([one.ids for one in found]), alone.ids)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_query_that_is_not_finite_is_refused(
    bad: float, make_rows: MakeRows, make_index: MakeIndex
) -> None:
    queries = make_rows(2, D)
    queries[1, 3] = bad
    with pytest.raises(ValueError, match="finite"):
        make_index(GAPPY, make_rows(N, D)).index.search(queries, 5)


def test_a_query_of_another_shape_is_refused(make_rows: MakeRows, make_index: MakeIndex) -> None:
    index = make_index(GAPPY, make_rows(N, D)).index
    for shape in ((1, D + 1), (D,), (1, 1, D)):
        with pytest.raises(ValueError, match="queries must be"):
            index.search(np.zeros(shape, np.float32), 5)


@pytest.mark.parametrize("k", [0, -1])
def test_asking_for_none_is_a_mistake(k: int, make_rows: MakeRows, make_index: MakeIndex) -> None:
    with pytest.raises(ValueError, match="k must be at least 1"):
        make_index(GAPPY, make_rows(N, D)).index.search(make_rows(1, D), k)


def test_half_precision_moves_scores_by_less_than_a_thousandth(tmp_path: Path) -> None:
    rows = np.random.default_rng(3).standard_normal((500, 512), dtype=np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    held = publish(tmp_path, 1, recipe_named("flat"), [(np.arange(500), rows)], {})
    found, expected = held.index.search(rows, 500), scan(rows, rows, np.arange(500), 500)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-3)
