"""Invented features of classes."""

import pytest
import torch
from torch.nn.functional import linear

from clipsearch.training.anchors import SURE, anchors_from

CLASSES, WIDTH, PICTURES = 50, 80, 400


def _material(spread: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A classifier and pictures, whose features lie so far apart."""
    random = torch.Generator().manual_seed(0)
    weight = torch.randn(CLASSES, WIDTH, generator=random) / spread
    pictures = 9 * spread + spread * torch.randn(PICTURES, WIDTH, generator=random)
    return weight, -weight @ pictures.mean(0), pictures


@pytest.mark.parametrize("spread", [0.3, 3.0])
def test_they_lie_where_the_classifier_is_as_sure_as_wanted(spread: float) -> None:
    weight, bias, pictures = _material(spread)
    anchors = anchors_from(weight, bias, pictures)
    assert anchors.strengths[0] < anchors.strengths[1]
    for strength, wanted in zip(anchors.strengths, SURE, strict=True):
        logits = linear((anchors.mean + strength * anchors.offsets).clamp(min=0.0), weight, bias)
        assert logits.softmax(1).diagonal().mean().item() == pytest.approx(wanted, abs=0.03)


def test_where_the_classifier_is_never_sure_they_stay_near_the_pictures() -> None:
    weight, bias, pictures = _material(1.0)
    anchors = anchors_from(weight / 100, bias / 100, pictures)
    farthest = anchors.strengths[1] * anchors.offsets.norm(dim=1).mean()
    assert farthest < 3.1 * (pictures - pictures.mean(0)).norm(dim=1).mean()


def test_what_is_invented_of_a_class_is_mostly_told_as_that_class() -> None:
    weight, bias, pictures = _material(1.0)
    classes, random = torch.arange(CLASSES), torch.Generator().manual_seed(1)
    drawn = anchors_from(weight, bias, pictures).draw(classes, pictures[:CLASSES], random)
    told = linear(drawn, weight, bias).argmax(1)
    assert (told == classes).float().mean() > 20 / CLASSES  # one in fifty by chance
    assert bool((drawn >= 0).all())
