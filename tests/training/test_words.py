"""Words of captions and the pictures they are said of."""

from collections import Counter

import pytest
import torch

from clipsearch.training.pairs import Example
from clipsearch.training.words import Words, choose_words, count_writers, words_from


def test_a_word_counts_once_a_writer_and_function_words_do_not_count() -> None:
    example = Example("a.jpg", ("A dog and a dog in the snow", "The dog runs"), "train")
    assert count_writers([example]) == [Counter({"dog": 2, "snow": 1, "runs": 1})]


def test_words_are_chosen_that_are_right_for_enough_pictures_and_not_for_too_many() -> None:
    writers = [Counter({"dog": 2})] * 30 + [Counter({"snow": 2})] * 10 + [Counter({"kite": 2})] * 3
    assert choose_words(writers) == ["snow"]


def test_a_word_of_a_single_writer_is_neither_right_nor_wrong() -> None:
    words = words_from(
        torch.zeros(1, 1, 384), ["snow"], [Counter(snow=2), Counter(snow=1), Counter()]
    )
    assert words.right[:, 0].tolist() == [True, False, False]
    assert words.wrong[:, 0].tolist() == [False, False, True]


def test_a_word_costs_less_the_nearer_its_own_picture_is() -> None:
    words = Words(
        torch.zeros(1, 1, 2), torch.tensor([[True], [False]]), torch.tensor([[False], [True]])
    )
    images, both, scale = torch.eye(2), torch.arange(2), torch.tensor(10.0)
    near = words.loss(images, both, torch.tensor([[1.0, 0.0]]), scale)
    far = words.loss(images, both, torch.tensor([[0.0, 1.0]]), scale)
    assert near.item() == pytest.approx(0.0, abs=1e-3)
    assert far.item() == pytest.approx(10.0, abs=1e-3)


def test_a_batch_without_its_pictures_teaches_nothing() -> None:
    words = Words(torch.zeros(1, 1, 2), torch.tensor([[False]]), torch.tensor([[True]]))
    assert words.loss(torch.ones(1, 2), torch.tensor([0]), torch.ones(1, 2), torch.tensor(1.0)) == 0
