"""A teacher's opinion as a target."""

import pytest
import torch

from clipsearch.training.opinion import Opinion


def test_to_agree_with_the_teacher_costs_least() -> None:
    rows = torch.nn.functional.normalize(
        torch.randn(6, 8, generator=torch.Generator().manual_seed(0))
    )
    opinion = Opinion(rows, rows.flip(0), scale=10.0)
    pictures, captions = torch.arange(6), torch.tensor([5, 4, 3, 2, 1, 0])
    held = 10.0 * rows @ rows.T
    least = opinion.loss(held, pictures, captions)
    for other in (held.roll(1, 0), torch.zeros(6, 6), 3 * held):
        assert opinion.loss(other, pictures, captions) > least


def test_places_say_which_rows_are_meant() -> None:
    rows = torch.eye(4)
    opinion = Opinion(rows, rows, scale=20.0)
    some = torch.tensor([2, 0])
    sure = 20.0 * torch.eye(2)
    assert float(opinion.loss(sure, some, some)) == pytest.approx(0.0, abs=1e-6)
    assert float(opinion.loss(sure, some, some.flip(0))) > 10.0
