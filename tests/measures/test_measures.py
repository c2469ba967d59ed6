"""Measures on worked examples, and against torchmetrics."""

from __future__ import annotations

import math

import numpy as np
import pytest

from clipsearch.measures import (
    Hit,
    MeanAveragePrecision,
    MedianRank,
    Ndcg,
    Recall,
    caption_ranks,
    right_ranks,
)

SCORES = np.array([[0.9, 0.8, 0.7, 0.6], [0.1, 0.2, 0.3, 0.4]], np.float32)
RIGHT = np.array([[True, False, True, False], [True, False, False, False]])
ALL = (Hit(1), Recall(2), MeanAveragePrecision(), Ndcg(10))


def test_right_items_stand_at_their_ranks() -> None:
    assert [own.tolist() for own in right_ranks(SCORES, RIGHT).of] == [[1, 3], [4]]


def test_measures_of_a_worked_example() -> None:
    ranks = right_ranks(SCORES, RIGHT)
    assert Hit(1).of(ranks) == 0.5
    assert Hit(4).of(ranks) == 1.0
    assert Recall(2).of(ranks) == pytest.approx((1 / 2 + 0) / 2)
    assert MedianRank().of(ranks) == 2.5
    assert MeanAveragePrecision().of(ranks) == pytest.approx(((1 + 2 / 3) / 2 + 1 / 4) / 2)
    first = (1 + 1 / math.log2(4)) / (1 + 1 / math.log2(3))
    assert Ndcg(10).of(ranks) == pytest.approx((first + 1 / math.log2(5)) / 2)


@pytest.mark.parametrize("value", [np.nan, 0.5])
@pytest.mark.parametrize("measure", [Hit(1), MeanAveragePrecision()])
def test_scores_that_say_nothing_find_nothing(value: float, measure: Hit) -> None:
    right = np.zeros((3, 50), bool)
    right[np.arange(3), np.arange(3)] = True
    assert measure.of(right_ranks(np.full((3, 50), value, np.float32), right)) <= 0.02


def test_a_tower_that_is_never_right_has_an_infinite_median_rank() -> None:
    ranks = right_ranks(np.full((1, 4), np.nan, np.float32), RIGHT[:1])
    assert MedianRank().of(ranks) == math.inf


def test_a_query_with_nothing_right_is_left_out() -> None:
    assert len(right_ranks(SCORES, np.zeros_like(RIGHT)).of) == 0


@pytest.mark.parametrize("seed", range(3))
def test_measures_are_those_of_an_independent_implementation(seed: int) -> None:
    theirs = pytest.importorskip("torchmetrics.functional.retrieval", reason="compares with it")
    import torch

    numbers = np.random.default_rng(seed)
    # It takes an item of a score below 0 for one that was not found.
    scores = numbers.random(size=(20, 60)).astype(np.float32) + np.float32(0.1)
    right = numbers.random((20, 60)) < 0.1
    right[:, 0] = True
    ranks = right_ranks(scores, right)
    pairs = [(torch.from_numpy(s), torch.from_numpy(r)) for s, r in zip(scores, right, strict=True)]

    def mean(name: str, **options: int) -> float:
        return float(np.mean([getattr(theirs, f"retrieval_{name}")(*p, **options) for p in pairs]))

    assert MeanAveragePrecision().of(ranks) == pytest.approx(mean("average_precision"), abs=1e-5)
    assert Ndcg(10).of(ranks) == pytest.approx(mean("normalized_dcg", top_k=10), abs=1e-5)
    assert Hit(5).of(ranks) == pytest.approx(mean("hit_rate", top_k=5), abs=1e-5)
    assert Recall(5).of(ranks) == pytest.approx(mean("recall", top_k=5), abs=1e-5)


def test_the_best_rank_is_that_of_the_retrieval_ranks() -> None:
    numbers = np.random.default_rng(1)
    images, captions = (numbers.normal(size=(n, 8)).astype(np.float32) for n in (30, 90))
    owner = np.repeat(np.arange(30), 3)
    right = owner[None, :] == np.arange(30)[:, None]
    ranks = right_ranks(images @ captions.T, right)
    assert ranks.best().tolist() == caption_ranks(images, captions, owner).tolist()
