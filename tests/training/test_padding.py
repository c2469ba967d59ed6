"""TensorFlow's padding."""

import torch
from timm.layers.conv2d_same import Conv2dSame
from torch import nn

from clipsearch.training.padding import lopsided, with_plain_padding


def test_one_row_more_is_padded_behind() -> None:
    assert lopsided(3, 2) == (0, 1)
    assert lopsided(5, 2) == (1, 2)
    assert lopsided(3, 1) == (1, 1)
    assert lopsided(1, 2) == (0, 0)


def test_plain_padding_says_what_timm_says() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        Conv2dSame(3, 8, 3, stride=2), nn.ReLU(), Conv2dSame(8, 8, 5, stride=2, groups=8)
    )
    pixels = torch.randn(2, 3, 32, 32)
    plain = with_plain_padding(network)
    assert not any(isinstance(each, Conv2dSame) for each in plain.modules())
    assert torch.allclose(network(pixels), plain(pixels), atol=1e-6)
    assert list(network.state_dict()) == list(plain.state_dict())
