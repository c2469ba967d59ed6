"""One attack on an image tower: projected gradient descent (Madry et al. 2018)."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from clipsearch.training.unpack import load_open_clip_folder, write_open_clip_folder
from clipsearch.values import Pixels, Preprocessing

EPSILON, STEP, STEPS = 2.0 / 255, 0.5 / 255, 8


def pgd(module: Any, preprocessing: Preprocessing) -> Callable[[Pixels], Pixels]:
    """An attack that moves each pixel by at most 2 of 255, away from the picture's embedding.

    It knows no caption: it lowers the cosine of the picture before and after. `module` is an
    open_clip model, whose `encode_image` takes normalised float32 [n, 3, h, w].
    """
    mean, std = (
        torch.tensor(each)[None, :, None, None] for each in (preprocessing.mean, preprocessing.std)
    )

    def embed(given: Tensor) -> Tensor:
        return nn.functional.normalize(module.encode_image((given - mean) / std), dim=-1)

    def attacked(pixels: Pixels) -> Pixels:
        start = torch.from_numpy(pixels.copy()).permute(0, 3, 1, 2).float() / 255
        with torch.no_grad():
            plain = embed(start)
        generator = torch.Generator().manual_seed(0)
        moved = start + EPSILON * (2 * torch.rand(start.shape, generator=generator) - 1)
        for _ in range(STEPS):
            moved = moved.clamp(0, 1).requires_grad_(True)
            (slope,) = torch.autograd.grad((embed(moved) * plain).sum(), moved)
            moved = moved.detach() - STEP * slope.sign()
            moved = start + (moved - start).clamp(-EPSILON, EPSILON)
        exact = (moved.clamp(0, 1) * 255).round().to(torch.uint8)
        return np.ascontiguousarray(exact.permute(0, 2, 3, 1).numpy())

    return attacked


def builtin_image_tower(weights: Path) -> nn.Module:
    """The built-in tower in torch, unpacked from its ONNX files."""
    with tempfile.TemporaryDirectory() as folder:
        write_open_clip_folder(weights, Path(folder))
        return load_open_clip_folder(Path(folder)).requires_grad_(False)


def open_clip_image_tower(model: str) -> nn.Module:
    """An open_clip model in torch, by any of its names. Raises TowerMissing."""
    from clipsearch.towers.names import parse_tower_name
    from clipsearch.towers.open_clip_model import build_model
    from clipsearch.towers.open_clip_source import find_source

    module: nn.Module = build_model(find_source(parse_tower_name(model))).module
    return module
