"""What the frozen part of the image tower says, computed once and kept on disk.

The frozen part is most of the arithmetic. Its output for each view of each picture is written
as float16, one file a view, so that training the rest costs a tenth of an honest pass.
`FROZEN_BLOCKS` says where the cut is: 5 trains the last two stages and the last convolution, from
arrays of [pictures, 120, 16, 16] at a side of 256.
"""

import copy
import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from timm.layers.norm_act import BatchNormAct2d
from torch import Tensor, nn

from clipsearch.training.durable_files import written_durably
from clipsearch.training.onnx_padding import move_padding_into_convolutions
from clipsearch.training.padding import with_plain_padding
from clipsearch.training.starting_weights import convolutions_and_norms
from clipsearch.training.views import View

BATCH = 8
FROZEN_BLOCKS = 5


class FrozenHalf(nn.Module):
    """The stem and the frozen stages of a timm EfficientNet: pictures to [n, c, h, w]."""

    def __init__(self, trunk: nn.Module) -> None:
        super().__init__()
        self.stem = nn.Sequential(trunk.get_submodule("conv_stem"), trunk.get_submodule("bn1"))
        blocks = trunk.get_submodule("blocks")
        assert isinstance(blocks, nn.Sequential)
        self.blocks = blocks[:FROZEN_BLOCKS]

    def forward(self, pixels: Tensor) -> Tensor:
        """Give the activations in the middle of the network."""
        found: Tensor = self.blocks(self.stem(pixels))
        return found


class TrainedHalf(nn.Module):
    """What is trained of the image tower: [n, c, h, w] to the pooled [n, 1280].

    A copy that shares its parameters with the trunk, so that the trunk learns what it learns.
    Folded batch normalisation adds a bias and does nothing else: the bias is the convolution's
    here, and the rest of the norm is left out, which trains in half the time.
    """

    def __init__(self, trunk: nn.Module) -> None:
        super().__init__()
        blocks = trunk.get_submodule("blocks")
        assert isinstance(blocks, nn.Sequential)
        shared = {id(each): each for each in trunk.parameters()}
        self.blocks = copy.deepcopy(blocks[FROZEN_BLOCKS:], shared)
        last = nn.Sequential(trunk.get_submodule("conv_head"), trunk.get_submodule("bn2"))
        self.last = copy.deepcopy(last, shared)
        _leave_out_norms(self)
        self.to(memory_format=torch.channels_last)

    def forward(self, activations: Tensor) -> Tensor:
        """Give the mean of the last activations over the picture."""
        given = activations.contiguous(memory_format=torch.channels_last)
        found: Tensor = self.last(self.blocks(given)).mean((2, 3))
        return found


def _leave_out_norms(network: nn.Module) -> None:
    """Give each convolution the bias of the norm behind it, and leave its activation only."""
    names = {each: name for name, each in network.named_modules()}
    for convolution, norm in list(convolutions_and_norms(network)):
        convolution.bias = norm.bias
        parent, _, last = names[norm].rpartition(".")
        activation = norm.act if isinstance(norm, BatchNormAct2d) else nn.Identity()
        setattr(network.get_submodule(parent), last, activation)


def normalise(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Give uint8 [n, h, w, 3] as float32 [n, 3, h, w] in -1..1, as the image tower wants it."""
    scaled = pixels.astype(np.float32) / np.float32(127.5) - np.float32(1.0)
    return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))


def export_frozen_half(trunk: nn.Module, target: Path, side: int) -> None:
    """Write the frozen half for pictures of a side as ONNX, which runs in half the time or less."""
    half = with_plain_padding(FrozenHalf(trunk).eval())
    with written_durably(target) as unfinished:
        torch.onnx.export(
            half,
            (torch.zeros(1, 3, side, side),),
            str(unfinished),
            input_names=["pixels"],
            output_names=["activations"],
            dynamic_axes={"pixels": {0: "n"}, "activations": {0: "n"}},
            dynamo=False,
        )
        exported = onnx.load(unfinished)
        move_padding_into_convolutions(exported)
        onnx.save(exported, unfinished)


def cache_view(frozen: Path, view: View, target: Path) -> NDArray[np.float16]:
    """Give the activations of one view of pictures, computing them if no file has them yet."""
    if not target.exists():
        with written_durably(target) as unfinished, unfinished.open("wb") as opened:
            _write_activations(frozen, view, opened.name)
    loaded: NDArray[np.float16] = np.load(target, mmap_mode="r", allow_pickle=False)
    return loaded


def patient_session(model: Path | bytes) -> onnxruntime.InferenceSession:
    """Open an ONNX file, or its bytes, for a long run: its threads sleep while they wait."""
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    given = model if isinstance(model, bytes) else str(model)
    return onnxruntime.InferenceSession(given, options, providers=["CPUExecutionProvider"])


def _write_activations(frozen: Path, view: View, target: str) -> None:
    """Run a view through the frozen half and write float16 [pictures, c, h, w] as .npy."""
    session = patient_session(frozen)
    channels, height, width = session.get_outputs()[0].shape[1:]
    shape = (len(view.images), channels, height, width)
    written = np.lib.format.open_memmap(target, "w+", np.float16, shape)
    done = 0
    for batch in _batches(view.pixels()):
        found = session.run(None, {"pixels": normalise(batch)})[0]
        written[done : done + len(batch)] = found
        done += len(batch)
    written.flush()


def _batches(views: Iterable[NDArray[np.uint8]]) -> Iterator[NDArray[np.uint8]]:
    """Stack the views eight at a time, the last batch shorter."""
    remaining = iter(views)
    while batch := list(itertools.islice(remaining, BATCH)):
        yield np.stack(batch)
