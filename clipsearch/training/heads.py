"""The two heads that join the image tower's 1,280 numbers and MiniLM's 384 in one space.

Both are a linear map beside a hidden layer, and both become open_clip's `mlp` projections, a
linear layer, a GELU and a linear layer. Far to the right a GELU is the identity, so a hidden
unit lifted by `LIFT` passes a number on unchanged: 280 units carry the linear map of the image
and the other 1,000 detect the classes that the image tower was trained on. `pour_heads` puts
them together, exact to float32's rounding.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, linear, normalize

from clipsearch.training.model import DIMENSION, IMAGE_WIDTH, TEXT_WIDTH

CLASSES = 1000
IMAGE_RANK = 2 * DIMENSION - CLASSES
TEXT_HIDDEN = 128
LIFT = 24.0
SMALLEST_SPREAD = 0.05
DEAD_SPREAD = 1e-3  # three of MiniLM's 384 numbers never move
FIRST_LOG_SCALE = 2.66  # log(1 / 0.07)
NEVER = -24.0  # a GELU of it is nothing
SURE = 0.995  # a detector is silent for all but this share of the logits of real pictures


@dataclass(frozen=True)
class Dropout:
    """Which part of the inputs of each head, and of the detectors, is left out in training."""

    image: float = 0.7
    text: float = 0.2
    detectors: float = 0.3


class Heads(nn.Module):
    """Both heads: standardise, drop, map, unit length.

    The detectors are the image tower's own classifier, one GELU a class, and are not trained:
    dropout on their inputs would drown them, and training without it learns pictures by heart.
    """

    image_mean: Tensor
    image_spread: Tensor
    text_mean: Tensor
    text_spread: Tensor
    text_kept: Tensor
    detector_weight: Tensor
    detector_bias: Tensor

    def __init__(self, dropout: Dropout) -> None:
        super().__init__()
        self.image = nn.Sequential(
            nn.Dropout(dropout.image),
            nn.Linear(IMAGE_WIDTH, IMAGE_RANK),
            nn.Linear(IMAGE_RANK, DIMENSION, bias=False),
        )
        self.classes = nn.Sequential(nn.Dropout(dropout.detectors), nn.Linear(CLASSES, DIMENSION))
        self.text_drop = nn.Dropout(dropout.text)
        self.text = nn.Linear(TEXT_WIDTH, DIMENSION)
        self.text_hidden = nn.Sequential(
            nn.Linear(TEXT_WIDTH, TEXT_HIDDEN), nn.GELU(), nn.Linear(TEXT_HIDDEN, DIMENSION)
        )
        self.log_scale = nn.Parameter(torch.tensor(FIRST_LOG_SCALE))
        for side, width in (("image", IMAGE_WIDTH), ("text", TEXT_WIDTH)):
            self.register_buffer(f"{side}_mean", torch.zeros(width))
            self.register_buffer(f"{side}_spread", torch.ones(width))
        self.register_buffer("text_kept", torch.ones(TEXT_WIDTH))
        self.register_buffer("detector_weight", torch.zeros(CLASSES, IMAGE_WIDTH))
        self.register_buffer("detector_bias", torch.zeros(CLASSES))

    def standardise(self, images: Tensor, texts: Tensor) -> None:
        """Take mean and spread from the inputs of training, [n, 1280] and [m, 384].

        The number that moves least among a text's is left out: `pour_heads` needs its place.
        """
        self.image_mean.copy_(images.mean(0))
        self.image_spread.copy_(images.std(0) + SMALLEST_SPREAD)
        self.text_mean.copy_(texts.mean(0))
        spread = texts.std(0)
        self.text_spread.copy_(torch.where(spread < DEAD_SPREAD, 1.0, spread))
        self.text_kept.fill_(1.0)[spread.argmin()] = 0.0

    def detect_classes(self, weight: Tensor, bias: Tensor, images: Tensor) -> None:
        """Make a detector of every row of a classifier, [1000, 1280] and [1000].

        The threshold comes from its logits on real `images` [n, 1280]; the logits are taken
        against their mean over the classes, which a softmax does not see.
        """
        self.detector_weight.copy_(weight - weight.mean(0))
        self.detector_bias.copy_(bias - bias.mean())
        logits = linear(images, self.detector_weight, self.detector_bias)
        self.detector_bias.sub_(logits.quantile(SURE))

    def silence(self, classes: Tensor) -> None:
        """Make the detectors of these classes see nothing."""
        self.detector_weight[classes] = 0.0
        self.detector_bias[classes] = NEVER

    def embed_images(self, pooled: Tensor) -> Tensor:
        """Map [n, 1280] to unit-length [n, d]."""
        detected = gelu(linear(pooled, self.detector_weight, self.detector_bias))
        mapped = self.image((pooled - self.image_mean) / self.image_spread)
        return normalize(mapped + self.classes(detected), dim=-1)

    def embed_texts(self, pooled: Tensor) -> Tensor:
        """Map [n, 384] to unit-length [n, d]."""
        standard = (pooled - self.text_mean) / self.text_spread * self.text_kept
        dropped = self.text_drop(standard)
        return normalize(self.text(dropped) + self.text_hidden(dropped), dim=-1)


@torch.no_grad()
def pour_heads(heads: Heads, model: nn.Module) -> None:
    """Make the heads open_clip's projections, the standardising folded in.

    The text projection has no biases. MiniLM's last layer normalisation gives it what it lacks:
    its bias takes off the mean of every token, which the mean over the tokens keeps, and the
    number that is left out is made one.
    """
    _pour_image(heads, model.get_submodule("visual.head.mlp"))
    final_norm = model.get_submodule("text.transformer.encoder.layer.5.output.LayerNorm")
    constant = int(heads.text_kept.argmin())
    _bias(final_norm).sub_(heads.text_mean)
    _weight(final_norm)[constant] = 0.0
    _bias(final_norm)[constant] = 1.0
    _pour_text(heads, constant, model.get_submodule("text.proj"))
    model.get_parameter("logit_scale").copy_(heads.log_scale)


def _pour_image(heads: Heads, mlp: nn.Module) -> None:
    """Fill the image's `mlp`: lifted linear units first, the detectors after them."""
    first, last = mlp.get_submodule("fc1"), mlp.get_submodule("fc2")
    inner, outer = heads.image[1], heads.image[2]
    weight = _weight(inner) / heads.image_spread
    bias = _bias(inner) - weight @ heads.image_mean
    # units of comparable size: what is lifted must not come near the bend
    size = weight.norm(dim=1) * heads.image_spread.mean()
    _weight(first).copy_(torch.cat([weight / size[:, None], heads.detector_weight]))
    _bias(first).copy_(torch.cat([bias / size + LIFT, heads.detector_bias]))
    carried = _weight(outer) * size
    _weight(last).copy_(torch.cat([carried, _weight(heads.classes[1])], dim=1))
    _bias(last).copy_(_bias(heads.classes[1]) - LIFT * carried.sum(1))


def _pour_text(heads: Heads, constant: int, projection: nn.Module) -> None:
    """Fill the text's `mlp`: a lifted unit a number, the hidden layer, and one for the bias."""
    first, last = _weight(projection.get_submodule("0")), _weight(projection.get_submodule("2"))
    hidden, out = heads.text_hidden[0], heads.text_hidden[2]
    kept = [place for place in range(TEXT_WIDTH) if place != constant]
    ends = (len(kept), len(kept) + TEXT_HIDDEN)
    first.zero_()
    first[: ends[0]] = torch.diag(1.0 / heads.text_spread)[kept]
    first[ends[0] : ends[1]] = _weight(hidden) / heads.text_spread
    first[:, constant] = LIFT
    first[ends[0] : ends[1], constant] = _bias(hidden)
    carried = _weight(heads.text)[:, kept]
    last[:, : ends[0]] = carried
    last[:, ends[0] : ends[1]] = _weight(out)
    last[:, ends[1]] = (_bias(heads.text) + _bias(out)) / LIFT - carried.sum(1)


def _weight(layer: nn.Module) -> nn.Parameter:
    """Give the weight of a layer."""
    return layer.get_parameter("weight")


def _bias(layer: nn.Module) -> nn.Parameter:
    """Give the bias of a layer."""
    return layer.get_parameter("bias")
