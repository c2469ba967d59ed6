"""Losses on worked examples."""

import math

import pytest
import torch

from clipsearch.training.losses import captions_loss, contrastive_loss, scale_of

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


def test_one_caption_a_picture_costs_what_the_contrastive_loss_says() -> None:
    random = torch.Generator().manual_seed(0)
    images, texts = torch.randn(2, 5, 8, generator=random)
    scores = scale_of(torch.tensor(1.0)) * images @ texts.T
    wanted = contrastive_loss(images, texts, torch.tensor(1.0))
    assert torch.allclose(captions_loss(scores, torch.arange(5)), wanted)


def test_every_caption_of_a_picture_is_right() -> None:
    owner = torch.tensor([0, 0, 1, 1, 1])
    right = 20.0 * (owner[None] == torch.arange(2)[:, None]).float()
    shared = (math.log(2) * 2 + math.log(3) * 3) / 5
    assert captions_loss(right, owner).item() == pytest.approx(shared / 2, abs=1e-4)
    assert captions_loss(right.flip(0), owner) > 10
