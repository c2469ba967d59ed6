"""The image tower of an exported folder, run by ONNX Runtime or by OpenVINO."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipsearch.errors import ExtraMissing, PrecisionRefused
from clipsearch.processors import usable_cpus
from clipsearch.towers.folder import IMAGE, IMAGE_INT8, TowerFolder
from clipsearch.towers.runtime import open_session
from clipsearch.values import Pixels, Precision, Preprocessing

Normalised = NDArray[np.float32]
"""Pictures as a tower takes them, float32 [n, 3, h, w]."""

ImageModel = Callable[[Normalised], NDArray[np.float32]]
"""From normalised pictures to embeddings [n, dim]."""


def open_image_model(folder: TowerFolder, precision: Precision) -> ImageModel:
    """Open the image tower at a precision. Raises PrecisionRefused, ExtraMissing."""
    if precision == "bf16":
        return _openvino_bf16(folder)
    return _onnx(folder, IMAGE_INT8 if precision == "int8" else IMAGE)


def normalised(pixels: Pixels, preprocessing: Preprocessing) -> Normalised:
    """`(pixel / 255 - mean) / std` by channel: uint8 [n, h, w, 3] to float32 [n, 3, h, w]."""
    count, height, width, _ = pixels.shape
    given = np.empty((count, 3, height, width), np.float32)
    for channel, (mean, std) in enumerate(zip(preprocessing.mean, preprocessing.std, strict=True)):
        np.multiply(pixels[..., channel], np.float32(1 / (255 * std)), out=given[:, channel])
        given[:, channel] -= np.float32(mean / std)
    return given


def check_shape(pixels: Pixels, preprocessing: Preprocessing) -> None:
    """Raise ValueError unless the pictures are uint8 [n, h, w, 3] of the tower's size."""
    wanted = (preprocessing.height, preprocessing.width, 3)
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[1:] != wanted:
        raise ValueError(
            f"pictures must be uint8 [n, {wanted[0]}, {wanted[1]}, 3], "
            f"not {pixels.dtype} {list(pixels.shape)}"
        )


def _onnx(folder: TowerFolder, name: str) -> ImageModel:
    session = open_session(folder.path / name, usable_cpus())

    def embed(given: Normalised) -> NDArray[np.float32]:
        return np.asarray(session.run(["embedding"], {"pixels": given})[0])

    return embed


def _openvino_bf16(folder: TowerFolder) -> ImageModel:
    core = _openvino_core()
    if "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        raise PrecisionRefused(folder.name, "bf16", "this CPU has no bf16 instructions")
    hints = {"INFERENCE_PRECISION_HINT": "bf16", "PERFORMANCE_HINT": "LATENCY"}
    compiled = core.compile_model(str(folder.path / IMAGE), "CPU", hints)

    def embed(given: Normalised) -> NDArray[np.float32]:
        return np.asarray(compiled([given])[0], dtype=np.float32)

    return embed


def _openvino_core() -> Any:
    try:
        import openvino
    except ImportError as error:
        raise ExtraMissing("openvino", "running a tower at bf16 on a CPU") from error
    return openvino.Core()
