"""Losses on worked examples."""

import math

import pytest
import torch

from clipsearch.training.losses import contrastive_loss, scale_of

PAIRS = torch.eye(4)
NO_SCALE = torch.tensor(0.0)


def test_equal_embeddings_cost_the_logarithm_of_the_batch() -> None:
    same = torch.ones(4, 4) / 2
    assert contrastive_loss(same, same, NO_SCALE).item() == pytest.approx(math.log(4))


def test_right_pairs_cost_less_than_wrong_ones() -> None:
    scale = torch.tensor(3.0)
    right = contrastive_loss(PAIRS, PAIRS, scale)
    assert right < 0.01
    assert contrastive_loss(PAIRS, PAIRS.roll(1, 0), scale) > 10


def test_the_scale_is_bounded() -> None:
    assert scale_of(torch.tensor(50.0)).item() == 100.0
