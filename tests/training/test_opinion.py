"""A teacher's opinion as a target."""

import pytest
import torch

from clipsearch.training.opinion import Opinion


def test_to_agree_with_the_teacher_costs_least() -> None:
    rows = torch.nn.functional.normalize(
        torch.randn(6, 8, generator=torch.Generator().manual_seed(0))
    )
    opinion = Opinion(rows[None], rows.flip(0), scale=10.0)
    views, pictures = torch.zeros(6, dtype=torch.int64), torch.arange(6)
    captions = torch.tensor([5, 4, 3, 2, 1, 0])
    held = 10.0 * rows @ rows.T
    least = opinion.loss(held, views, pictures, captions)
    for other in (held.roll(1, 0), torch.zeros(6, 6), 3 * held):
        assert opinion.loss(other, views, pictures, captions) > least


def test_places_say_which_rows_are_meant() -> None:
    rows = torch.eye(4)
    opinion = Opinion(torch.stack([rows.flip(0), rows]), rows, scale=20.0)
    some, second = torch.tensor([2, 0]), torch.tensor([1, 1])
    sure = 20.0 * torch.eye(2)
    assert float(opinion.loss(sure, second, some, some)) == pytest.approx(0.0, abs=1e-6)
    assert float(opinion.loss(sure, second, some, some.flip(0))) > 10.0
    assert float(opinion.loss(sure, 1 - second, some, some)) > 1.0


def test_there_may_be_more_pictures_than_captions() -> None:
    rows = torch.eye(4)
    opinion = Opinion(rows[None], rows, scale=20.0)
    views, pictures, captions = torch.zeros(3, dtype=torch.int64), torch.arange(3), torch.arange(2)
    held = 20.0 * rows[:3] @ rows[:2].T
    assert opinion.loss(held, views, pictures, captions) < opinion.loss(
        -held, views, pictures, captions
    )
