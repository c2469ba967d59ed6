"""What was exported is what was trained, or nothing ships."""

from pathlib import Path

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import nn

from clipsearch.training.export import ImageTower, TextTower
from clipsearch.training.model import SIDE

LARGEST_DIFFERENCE = 1e-4
LEAST_COSINE = 0.95
TOKENS = ((101, 1037, 3899, 3216, 2006, 1996, 3509, 102), (101, 2048, 2111, 102, 0, 0, 0, 0))


class ExportDiffers(RuntimeError):
    """An exported tower gives other embeddings than the trained one."""

    def __init__(self, path: Path, difference: float) -> None:
        super().__init__(f"{path} differs from the trained tower by {difference:.3g}: not shipped")
        self.path = path
        self.difference = difference


@torch.inference_mode()
def check_image_tower(model: nn.Module, path: Path) -> None:
    """Raise ExportDiffers unless the image tower agrees to 1e-4 on noise."""
    pixels = torch.randn(3, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    wanted = ImageTower(model).eval()(pixels).numpy()
    difference = float(np.abs(_run(path, {"pixels": pixels.numpy()}) - wanted).max())
    if not difference < LARGEST_DIFFERENCE:
        raise ExportDiffers(path, difference)


@torch.inference_mode()
def check_text_tower(model: nn.Module, path: Path) -> None:
    """Raise ExportDiffers unless the int8 text tower agrees to a cosine of 0.95."""
    tokens = torch.tensor(TOKENS)
    mask = (tokens != 0).long()
    wanted = TextTower(model).eval()(tokens, mask).numpy()
    found = _run(path, {"input_ids": tokens.numpy(), "attention_mask": mask.numpy()})
    cosine = float((found * wanted).sum(axis=1).min())
    if not cosine > LEAST_COSINE:
        raise ExportDiffers(path, 1.0 - cosine)


def _run(path: Path, inputs: dict[str, NDArray[np.generic]]) -> NDArray[np.float32]:
    """Run an ONNX file."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, inputs)[0], dtype=np.float32)
