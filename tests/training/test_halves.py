"""The image tower in two halves, its batch normalisation folded."""

import pytest
import timm
import torch
from torch import Tensor, nn

from clipsearch.training.activations import FrozenHalf, TrainedHalf
from clipsearch.training.starting_weights import convolutions_and_norms, fold_norms

PIXELS = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def trunk() -> nn.Module:
    torch.manual_seed(0)
    made: nn.Module = timm.create_model("tf_efficientnet_lite0", num_classes=10).eval()
    for _, norm in convolutions_and_norms(made):
        assert norm.running_mean is not None
        assert norm.running_var is not None
        for each in (norm.weight, norm.running_var):
            nn.init.uniform_(each, 0.5, 2.0)
        nn.init.normal_(norm.bias, std=0.3)
        nn.init.normal_(norm.running_mean, std=0.3)
    return made


@torch.inference_mode()
def _seen(trunk: nn.Module) -> Tensor:
    found: Tensor = trunk.forward_features(PIXELS).mean((2, 3))  # type: ignore[operator]
    return found


def test_folded_it_sees_what_it_saw(trunk: nn.Module) -> None:
    before = _seen(trunk)
    fold_norms(trunk)
    assert before.std() > 0.01
    assert torch.allclose(before, _seen(trunk), rtol=1e-3, atol=1e-4)
    assert all(bool((norm.weight == 1).all()) for _, norm in convolutions_and_norms(trunk))


def test_both_halves_see_what_the_whole_sees(trunk: nn.Module) -> None:
    fold_norms(trunk)
    with torch.inference_mode():
        found = TrainedHalf(trunk)(FrozenHalf(trunk)(PIXELS))
    assert torch.allclose(found, _seen(trunk), rtol=1e-3, atol=1e-4)


def test_the_trunk_learns_what_its_half_learns(trunk: nn.Module) -> None:
    fold_norms(trunk)
    before, half = _seen(trunk), TrainedHalf(trunk)
    with torch.no_grad():
        given = FrozenHalf(trunk)(PIXELS)
    optimiser = torch.optim.SGD(half.parameters(), lr=0.1)
    half(given).square().mean().backward()
    optimiser.step()
    with torch.inference_mode():
        now = half(given)
    assert not torch.allclose(before, now, rtol=1e-3, atol=1e-4)
    assert torch.allclose(now, _seen(trunk), rtol=1e-3, atol=1e-4)
