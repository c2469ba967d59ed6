"""The losses of fine-tuning on worked examples."""

import pytest
import torch

from clipsearch.training.losses import (
    balanced_bias,
    clip_loss,
    contrastive_loss,
    hinge_loss,
    siglip_loss,
)

IMAGES = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
TEXTS = torch.tensor([[0.6, 0.8], [0.8, 0.6]])
"""Cosines: [[0.6, 0.8], [0.8, 0.6]], the right pairs on the diagonal."""


def test_the_hinge_over_all_negatives_sums_what_misses_the_margin() -> None:
    # each of four comparisons misses by 0.2 + 0.8 - 0.6 = 0.4; two pairs
    assert hinge_loss(IMAGES, TEXTS, 0.2, hardest=False).item() == pytest.approx(0.8)


def test_the_hardest_hinge_counts_one_negative_of_each_kind() -> None:
    three = torch.nn.functional.normalize(torch.randn(3, 5, generator=torch.manual_seed(0)), dim=-1)
    texts = three.roll(1, 0)
    scores, margin = (three @ texts.T).tolist(), 0.3
    wanted = 0.0
    for at in range(3):
        others = [one for one in range(3) if one != at]
        wanted += max(max(0.0, margin + scores[at][one] - scores[at][at]) for one in others)
        wanted += max(max(0.0, margin + scores[one][at] - scores[at][at]) for one in others)
    found = hinge_loss(three, texts, margin, hardest=True).item()
    assert found == pytest.approx(float(wanted) / 3)


def test_pairs_beyond_the_margin_cost_nothing() -> None:
    assert hinge_loss(IMAGES, IMAGES, 0.2, hardest=False).item() == 0.0


def test_the_cross_entropy_of_open_clip_is_the_symmetric_one() -> None:
    scale = torch.tensor(7.0)
    ours = contrastive_loss(IMAGES, TEXTS, scale.log())
    assert clip_loss(IMAGES, TEXTS, scale).item() == pytest.approx(ours.item(), rel=1e-5)


def test_siglip_begins_where_as_many_pairs_are_expected_right_as_are() -> None:
    scale = torch.tensor(50.0)
    bias = balanced_bias(IMAGES, TEXTS, scale)
    expected = torch.sigmoid(scale * IMAGES @ TEXTS.T + bias).sum()
    assert expected.item() == pytest.approx(2.0, abs=1e-3)
    untold = siglip_loss(IMAGES, TEXTS, scale, torch.tensor(-10.0))
    assert siglip_loss(IMAGES, TEXTS, scale, bias) < untold
