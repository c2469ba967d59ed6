"""TensorFlow's lopsided padding as plain nodes that every ONNX runtime can fold."""

import copy
from typing import TypeVar

from timm.layers.conv2d_same import Conv2dSame
from torch import Tensor, nn
from torch.nn.functional import pad

Module = TypeVar("Module", bound=nn.Module)


class _PaddedConvolution(nn.Conv2d):
    """A stride-2 convolution over an even number of rows: one row more below than above."""

    def forward(self, values: Tensor) -> Tensor:
        """Pad with zeros and convolve."""
        before, after = lopsided(self.kernel_size[0], self.stride[0])
        return super().forward(pad(values, (before, after, before, after)))


def with_plain_padding(network: Module) -> Module:
    """Give a copy whose `same` convolutions pad by constants; sizes must be even.

    timm's own compute the padding from the size of each input, which exports as a dozen nodes.
    Names and values of the parameters stay.
    """
    changed = copy.deepcopy(network)
    for name, each in list(changed.named_modules()):
        if isinstance(each, Conv2dSame):
            parent, _, last = name.rpartition(".")
            setattr(changed.get_submodule(parent), last, _plain(each))
    return changed


def _plain(convolution: nn.Conv2d) -> nn.Conv2d:
    """Give the same convolution with constant padding; a stride of one needs no lopsided one."""
    plain = _PaddedConvolution(
        convolution.in_channels,
        convolution.out_channels,
        (convolution.kernel_size[0], convolution.kernel_size[1]),
        (convolution.stride[0], convolution.stride[1]),
        groups=convolution.groups,
        bias=convolution.bias is not None,
    )
    plain.weight = convolution.weight
    plain.bias = convolution.bias
    return plain


def lopsided(kernel: int, stride: int) -> tuple[int, int]:
    """Give the padding before and after for an even number of rows, the larger half after."""
    total = max(kernel - stride, 0)
    return total // 2, total - total // 2
