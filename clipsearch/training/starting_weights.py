"""The published MobileNet weights, poured into timm's networks.

The published networks differ from timm's in two ways:

- TensorFlow pads a stride-2 convolution below and to the right, timm above and to the left,
  unless it is built with `pad_type="same"`. The difference costs 4 of 81 points of top-1.
- timm puts a ReLU after MobileNet-EdgeTPU's first bottleneck, the original has none. A bias
  lifts nearly all of its values above zero, and the next convolution takes it off again.

Batch normalisation is folded already; timm's is set to the identity, its bias to the bias.
"""

from collections.abc import Mapping
from pathlib import Path

import onnx
import timm
import torch
from onnx import numpy_helper
from torch import Tensor, nn

CLIPPED_PART = 0.005
PADDING = "same"
FILES = {
    "mobilenet_edgetpu_100": "mobilenet_edgetpu/mobilenet_edgetpu_1.0_fp32.onnx",
    "mobilenetv2_100": "mobilenet_v2/mobilenet_v2_1.0_fp32.onnx",
}
LABELS = "mobilenet_edgetpu/imagenet_labels_1001.txt"


def load_trunk(weights: Path, name: str, images: Tensor) -> nn.Module:
    """Give timm's network with the published weights; `images` [n, 3, 224, 224] normalised.

    Its classifier knows the 1,001 classes of the label file (0 is the background).
    """
    published = read_onnx_tensors(weights / FILES[name])
    trunk: nn.Module = timm.create_model(name, num_classes=1001, pad_type=PADDING).eval()
    _pour(published, trunk)
    if name == "mobilenet_edgetpu_100":
        lift_first_bottleneck(trunk, images)
    return trunk


def read_onnx_tensors(path: Path) -> dict[str, Tensor]:
    """Give the initialisers of an ONNX file by name."""
    graph = onnx.load(path, load_external_data=False).graph
    return {each.name: torch.tensor(numpy_helper.to_array(each)) for each in graph.initializer}


def _pour(published: Mapping[str, Tensor], trunk: nn.Module) -> None:
    """Copy `convs.0`, `convs.1`... into the convolutions of the trunk, in order of running."""
    convolutions = [each for each in trunk.modules() if isinstance(each, nn.Conv2d)]
    norms = [each for each in trunk.modules() if isinstance(each, nn.BatchNorm2d)]
    with torch.no_grad():
        for place, (convolution, norm) in enumerate(zip(convolutions, norms, strict=True)):
            _copy(published[f"convs.{place}.weight"], convolution.weight)
            _set_identity(norm, published[f"convs.{place}.bias"])
        classifier = trunk.get_submodule("classifier")
        assert isinstance(classifier, nn.Linear)
        _copy(published[f"convs.{len(norms)}.weight"].flatten(1), classifier.weight)
        _copy(published[f"convs.{len(norms)}.bias"], classifier.bias)


def _copy(source: Tensor, target: Tensor) -> None:
    """Copy a tensor over another of the same shape; a broadcast would hide a wrong place."""
    if source.shape != target.shape:
        raise ValueError(f"shapes differ: {tuple(source.shape)} and {tuple(target.shape)}")
    target.copy_(source)


def _set_identity(norm: nn.BatchNorm2d, bias: Tensor) -> None:
    """Make a batch normalisation add `bias` and do nothing else."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    norm.weight.fill_(1.0)
    _copy(bias, norm.bias)
    norm.running_mean.zero_()
    norm.running_var.fill_(1.0 - norm.eps)


@torch.no_grad()
def lift_first_bottleneck(trunk: nn.Module, images: Tensor) -> None:
    """Make the ReLU behind the first bottleneck of MobileNet-EdgeTPU nearly an identity.

    Per channel the sign and the lift are chosen so that 0.5 % of the values are clipped. The
    border sees padding that is not lifted; that error stays in one row and one column.
    """
    first = trunk.get_submodule("blocks.0.0")
    convolution, norm = first.get_submodule("conv"), first.get_submodule("bn1")
    following = trunk.get_submodule("blocks.1.0.conv_exp")
    following_norm = trunk.get_submodule("blocks.1.0.bn1")
    assert isinstance(convolution, nn.Conv2d)
    assert isinstance(norm, nn.BatchNorm2d)
    assert isinstance(following, nn.Conv2d)
    assert isinstance(following_norm, nn.BatchNorm2d)
    stem = trunk.get_submodule("bn1")(trunk.get_submodule("conv_stem")(images))
    values = convolution(stem) + norm.bias[:, None, None]
    low, high = _tails(values.transpose(0, 1).flatten(1)[:, ::7])
    sign = torch.where(-low <= high, 1.0, -1.0)
    lift = torch.minimum(-low, high).clamp(min=0.0)
    convolution.weight.mul_(sign[:, None, None, None])
    norm.bias.mul_(sign).add_(lift)
    following.weight.mul_(sign[None, :, None, None])
    following_norm.bias.sub_(following.weight.sum((2, 3)) @ lift)


def _tails(values: Tensor) -> tuple[Tensor, Tensor]:
    """Give the lower and the upper tail of each row."""
    ordered = values.sort(dim=1).values
    clipped = int(CLIPPED_PART * ordered.shape[1])
    return ordered[:, clipped], ordered[:, -1 - clipped]
