"""What the frozen part of the image tower says, computed once and kept on disk.

The frozen part is most of the arithmetic. Its output for each view of each picture is written
as float16, one file a view, so that training the rest costs a tenth of an honest pass.
`FROZEN_BLOCKS` says where the cut is: 5 trains the last two stages and the last convolution, from
arrays of [pictures, 96, 14, 14]; 7 would train the last convolution only, from
[pictures, 192, 7, 7], at a seventh of the arithmetic and half the disk.
"""

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from clipsearch.training.augment import view_of
from clipsearch.training.durable_files import written_durably
from clipsearch.training.onnx_padding import move_padding_into_convolutions
from clipsearch.training.padding import with_plain_padding
from clipsearch.training.pairs import SIDE, read_pixels

BATCH = 8
FROZEN_BLOCKS = 5


class FrozenHalf(nn.Module):
    """The stem and the frozen stages of a timm MobileNet: pictures to [n, c, h, w]."""

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
    """What is trained of a timm MobileNet: [n, c, h, w] to the pooled [n, 1280]."""

    def __init__(self, trunk: nn.Module) -> None:
        super().__init__()
        blocks = trunk.get_submodule("blocks")
        assert isinstance(blocks, nn.Sequential)
        self.blocks = blocks[FROZEN_BLOCKS:]
        self.last = nn.Sequential(trunk.get_submodule("conv_head"), trunk.get_submodule("bn2"))
        for each in self.modules():
            if isinstance(each, nn.BatchNorm2d):
                each.weight.requires_grad_(False)  # folded: it stays one

    def forward(self, activations: Tensor) -> Tensor:
        """Give the mean of the last activations over the picture."""
        found: Tensor = self.last(self.blocks(activations)).mean((2, 3))
        return found


def normalise(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Give uint8 [n, h, w, 3] as float32 [n, 3, h, w] in -1..1, as the MobileNets want it."""
    scaled = pixels.astype(np.float32) / np.float32(127.5) - np.float32(1.0)
    return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))


def export_frozen_half(trunk: nn.Module, target: Path) -> None:
    """Write the frozen half as ONNX: ONNX Runtime runs it two to four times as fast as torch."""
    half = with_plain_padding(FrozenHalf(trunk).eval())
    with written_durably(target) as unfinished:
        torch.onnx.export(
            half,
            (torch.zeros(1, 3, SIDE, SIDE),),
            str(unfinished),
            input_names=["pixels"],
            output_names=["activations"],
            dynamic_axes={"pixels": {0: "n"}, "activations": {0: "n"}},
            dynamo=False,
        )
        exported = onnx.load(unfinished)
        move_padding_into_convolutions(exported)
        onnx.save(exported, unfinished)


def cache_view(
    frozen: Path, data: Path, images: tuple[str, ...], view: int, target: Path, seed: int
) -> NDArray[np.float16]:
    """Give the activations of one view of the images, computing them if no file has them yet."""
    if not target.exists():
        random = np.random.default_rng([seed, view])
        views = (view_of(each, view, random) for each in read_pixels(data, images))
        with written_durably(target) as unfinished, unfinished.open("wb") as opened:
            _write_activations(frozen, views, len(images), opened.name)
    loaded: NDArray[np.float16] = np.load(target, mmap_mode="r", allow_pickle=False)
    return loaded


def patient_session(path: Path) -> onnxruntime.InferenceSession:
    """Open an ONNX file for a long run: its threads sleep while they wait."""
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _write_activations(
    frozen: Path, views: Iterable[NDArray[np.uint8]], count: int, target: str
) -> None:
    """Run the views through the frozen half and write float16 [count, c, h, w] as .npy."""
    session = patient_session(frozen)
    channels, height, width = session.get_outputs()[0].shape[1:]
    shape = (count, channels, height, width)
    written = np.lib.format.open_memmap(target, "w+", np.float16, shape)
    done = 0
    for batch in _batches(views):
        found = session.run(None, {"pixels": normalise(batch)})[0]
        written[done : done + len(batch)] = found
        done += len(batch)
    written.flush()


def _batches(views: Iterable[NDArray[np.uint8]]) -> Iterator[NDArray[np.uint8]]:
    """Stack the views eight at a time, the last batch shorter."""
    remaining = iter(views)
    while batch := list(itertools.islice(remaining, BATCH)):
        yield np.stack(batch)
