"""Image towers beside the one that is trained: what they see is told to the teacher; none ships.

EfficientNet-lite0, 1 and 2 (Google, Apache-2.0) are packages of the index, converted for torch.
MobileNet-EdgeTPU is seen through twice: as published, and with the stages that were trained for
builtin-4, from the files of that version. Their means over each view of each picture are computed
once and kept.
"""

import itertools
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from clipsearch.towers.onnx_cutting import cut_before_pooling
from clipsearch.training.activations import BATCH, patient_session
from clipsearch.training.durable_files import written_durably
from clipsearch.training.starting_weights import lite_weights
from clipsearch.training.views import View

EDGETPU_FILE = "mobilenet_edgetpu/mobilenet_edgetpu_1.0_fp32.onnx"
EDGETPU_SIDE = 256
LITE_SIDES = {0: 224, 1: 240, 2: 260}


@dataclass(frozen=True)
class SecondTrunk:
    """An image tower as ONNX, made when it is asked for: how that is called which it takes and
    gives, and of which side and about which middle it wants pictures."""

    name: str
    model: Callable[[], bytes]
    takes: str
    gives: str
    side: int
    middle: float = 127.5
    spread: float = 127.5


def second_trunks(weights: Path, earlier: Path) -> tuple[SecondTrunk, ...]:
    """Name them: `weights` has the published MobileNet, `earlier` the files of builtin-4.

    Raises FileNotFoundError, and ValueError for an image tower without an average over places.
    """
    image = earlier / "image.onnx"
    cut = cut_before_pooling(image.read_bytes())
    if cut is None:
        raise ValueError(f"{image} has no average over places")
    published = (weights / EDGETPU_FILE).read_bytes
    return (
        SecondTrunk("edgetpu", published, "image", "feature", EDGETPU_SIDE),
        SecondTrunk("builtin-4", lambda: cut.whole, "pixels", cut.regions, EDGETPU_SIDE),
        *(_lite(size, side) for size, side in LITE_SIDES.items()),
    )


def _lite(size: int, side: int) -> SecondTrunk:
    return SecondTrunk(
        f"lite{size}", partial(_exported, size, side), "pixels", "features", side, 127.0, 128.0
    )


def cache_second_sight(trunk: SecondTrunk, view: View, target: Path) -> Tensor:
    """Give the pooled features float32 [images, 1280], computing them if no file has them yet."""
    if not target.exists():
        found = np.concatenate(list(_features(trunk, view)))
        with written_durably(target) as unfinished, unfinished.open("wb") as stream:
            np.save(stream, found, allow_pickle=False)
    return torch.from_numpy(np.load(target, allow_pickle=False))


def _features(trunk: SecondTrunk, view: View) -> Iterator[NDArray[np.float32]]:
    """Yield the features of a few pictures after the other."""
    session = patient_session(_of_any_side(trunk.model()))
    remaining = (_as_seen(trunk, each) for each in view.pixels())
    while batch := list(itertools.islice(remaining, BATCH)):
        (seen,) = session.run([trunk.gives], {trunk.takes: np.stack(batch)})
        yield seen if seen.ndim == 2 else seen.mean((2, 3))


def _as_seen(trunk: SecondTrunk, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Give uint8 [h, w, 3] as float32 [3, side, side] about -1..1."""
    size = (trunk.side, trunk.side)
    resized = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))
    scaled = (resized.astype(np.float32) - np.float32(trunk.middle)) / np.float32(trunk.spread)
    return scaled.transpose(2, 0, 1)


def _of_any_side(model: bytes) -> bytes:
    """Give an ONNX file that says no side of the pictures it takes."""
    changed = onnx.load_from_string(model)
    for each, name in zip(changed.graph.input[0].type.tensor_type.shape.dim[2:], "hw", strict=True):
        each.dim_param = name
    return bytes(changed.SerializeToString())


class _Pooled(nn.Module):
    """An EfficientNet without its classifier."""

    def __init__(self, trunk: nn.Module) -> None:
        super().__init__()
        self.trunk = trunk

    def forward(self, pixels: Tensor) -> Tensor:
        """Give the mean of the last activations over the picture."""
        found: Tensor = self.trunk.extract_features(pixels).mean((2, 3))  # type: ignore[operator]
        return found


def _exported(size: int, side: int) -> bytes:
    """Give an EfficientNet-lite as ONNX: ONNX Runtime runs it twice as fast as torch."""
    from efficientnet_lite_pytorch import EfficientNet  # only training from scratch needs it

    network = EfficientNet.from_name(f"efficientnet-lite{size}")
    network.load_state_dict(torch.load(lite_weights(size), weights_only=True))
    with tempfile.NamedTemporaryFile(suffix=".onnx") as written:
        torch.onnx.export(
            _Pooled(network).eval(),
            (torch.zeros(1, 3, side, side),),
            written.name,
            input_names=["pixels"],
            output_names=["features"],
            dynamic_axes={"pixels": {0: "n"}, "features": {0: "n"}},
            dynamo=False,
        )
        return Path(written.name).read_bytes()
