"""The two heads that join MobileNet's 1,280 numbers and MiniLM's 384 in one space."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from clipsearch.training.model import DIMENSION, IMAGE_WIDTH, TEXT_WIDTH

IMAGE_HIDDEN = 2 * DIMENSION
LINEAR_BIAS = 4.0  # so far right a GELU is nearly linear: half of the units begin as a linear map
SMALLEST_SPREAD = 0.05
FIRST_LOG_SCALE = 2.66  # log(1 / 0.07)


@dataclass(frozen=True)
class Dropout:
    """Which part of the inputs of each head is left out while training."""

    image: float = 0.7
    text: float = 0.2


class Heads(nn.Module):
    """Both heads: standardise, drop, map, unit length; the image's has a hidden layer.

    They have the shapes of open_clip's `mlp` and `linear` projections, which they become in
    `pour_heads`. open_clip's text projections have no biases, so a hidden layer of 320 there is
    less than a linear map: it cost 1.6 points of hit@10.
    """

    image_mean: Tensor
    image_spread: Tensor
    text_mean: Tensor
    text_spread: Tensor

    def __init__(self, dropout: Dropout) -> None:
        super().__init__()
        self.image = nn.Sequential(
            nn.Dropout(dropout.image),
            nn.Linear(IMAGE_WIDTH, IMAGE_HIDDEN),
            nn.GELU(),
            nn.Linear(IMAGE_HIDDEN, DIMENSION),
        )
        self.text = nn.Sequential(
            nn.Dropout(dropout.text), nn.Linear(TEXT_WIDTH, DIMENSION, bias=False)
        )
        nn.init.constant_(_bias(self.image[1])[:DIMENSION], LINEAR_BIAS)
        self.log_scale = nn.Parameter(torch.tensor(FIRST_LOG_SCALE))
        for side, width in (("image", IMAGE_WIDTH), ("text", TEXT_WIDTH)):
            self.register_buffer(f"{side}_mean", torch.zeros(width))
            self.register_buffer(f"{side}_spread", torch.ones(width))

    def standardise(self, images: Tensor, texts: Tensor) -> None:
        """Take mean and spread from the inputs of training, [n, 1280] and [m, 384]."""
        self.image_mean.copy_(images.mean(0))
        self.image_spread.copy_(images.std(0) + SMALLEST_SPREAD)
        self.text_mean.copy_(texts.mean(0))
        self.text_spread.copy_(texts.std(0))

    def embed_images(self, pooled: Tensor) -> Tensor:
        """Map [n, 1280] to unit-length [n, d]."""
        return normalize(self.image((pooled - self.image_mean) / self.image_spread), dim=-1)

    def embed_texts(self, pooled: Tensor) -> Tensor:
        """Map [n, 384] to unit-length [n, d]."""
        return normalize(self.text((pooled - self.text_mean) / self.text_spread), dim=-1)


@torch.no_grad()
def pour_heads(heads: Heads, model: nn.Module) -> None:
    """Make the heads open_clip's projections, the standardising folded in.

    The text projection has no bias to take the mean, so MiniLM's last layer normalisation does:
    its bias is added to every token, and the mean over the tokens keeps it.
    """
    first, last = model.get_submodule("visual.head.mlp.fc1"), heads.image[3]
    _pour_linear(heads.image[1], first, heads.image_spread)
    _bias(first).sub_(_weight(first) @ heads.image_mean)
    _pour_linear(last, model.get_submodule("visual.head.mlp.fc2"))
    _pour_linear(heads.text[1], model.get_submodule("text.proj"), heads.text_spread)
    final_norm = model.get_submodule("text.transformer.encoder.layer.5.output.LayerNorm")
    _bias(final_norm).sub_(heads.text_mean)
    model.get_parameter("logit_scale").copy_(heads.log_scale)


def _pour_linear(source: nn.Module, target: nn.Module, spread: Tensor | None = None) -> None:
    """Copy a linear layer, its inputs divided by `spread`."""
    weight = _weight(source) if spread is None else _weight(source) / spread
    _weight(target).copy_(weight)
    if getattr(source, "bias", None) is not None:
        _bias(target).copy_(_bias(source))


def _weight(layer: nn.Module) -> nn.Parameter:
    """Give the weight of a layer."""
    return layer.get_parameter("weight")


def _bias(layer: nn.Module) -> nn.Parameter:
    """Give the bias of a layer."""
    return layer.get_parameter("bias")
