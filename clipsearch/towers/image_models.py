"""Image towers as pictures are put to them, and those of exported folders.

ONNX Runtime and OpenVINO run the latter.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipsearch.errors import ExtraMissing, PrecisionRefused
from clipsearch.processors import usable_cpus
from clipsearch.towers.folder import IMAGE, IMAGE_INT8, TowerFolder
from clipsearch.towers.pair import of_unit_length
from clipsearch.towers.runtime import open_session
from clipsearch.values import Embeddings, Pixels, Precision, Preprocessing

Normalised = NDArray[np.float32]
"""Pictures as a tower takes them, float32 [n, 3, h, w]."""

# Threads that wait for each other after every layer waste more than threads that have a batch
# each; but with many processors small batches would have too little to do.
_AT_ONCE_AT_MOST = 8
_SMALL_BATCH = 4

# The first call sets up OpenVINO's Python binding, and two first calls at once wait for each
# other for ever: one has the interpreter's lock, the other that of a C++ static.
_first_call = threading.Lock()


@dataclass(frozen=True, slots=True)
class ImageModel:
    """An image tower: `run` takes normalised pictures to embeddings [n, dim] of any length."""

    run: Callable[[Normalised], NDArray[np.float32]]
    batch: int = 8
    """How many pictures it is given at a time."""
    at_once: int = 1
    """How many threads may call it at the same time."""


def embed_all(
    model: ImageModel, pixels: Pixels, preprocessing: Preprocessing, dim: int
) -> Embeddings:
    """Embed pictures, uint8 [n, h, w, 3] of the tower's size: float32 [n, dim], unit length.

    Raises ValueError for pictures of another form.
    """
    check_shape(pixels, preprocessing)
    rows = np.empty((len(pixels), dim), np.float32)

    def embed(start: int) -> None:
        batch = slice(start, start + model.batch)
        rows[batch] = of_unit_length(model.run(normalised(pixels[batch], preprocessing)))

    starts = range(0, len(pixels), model.batch)
    if model.at_once == 1 or len(starts) < 2:
        for start in starts:
            embed(start)
        return rows
    with ThreadPoolExecutor(min(model.at_once, len(starts)), "clipsearch-embed") as threads:
        for _ in threads.map(embed, starts):
            pass  # so that what one raised is raised here
    return rows


def open_image_model(folder: TowerFolder, precision: Precision) -> ImageModel:
    """Open the image tower at a precision. Raises PrecisionRefused, ExtraMissing."""
    if precision == "bf16":
        return _openvino_bf16(folder)
    return _onnx(folder, IMAGE_INT8 if precision == "int8" else IMAGE)


def normalised(pixels: Pixels, preprocessing: Preprocessing) -> Normalised:
    """`(pixel / 255 - mean) / std` by channel: uint8 [n, h, w, 3] to float32 [n, 3, h, w]."""
    count, height, width, _ = pixels.shape
    given = np.empty((count, 3, height, width), np.float32)
    scales = [np.float32(1 / (255 * std)) for std in preprocessing.std]
    shifts = zip(preprocessing.mean, preprocessing.std, strict=True)
    offsets = [np.float32(mean / std) for mean, std in shifts]
    for picture, planes in zip(pixels, given, strict=True):  # plane by plane: each fits a cache
        for channel, plane in enumerate(planes):
            np.multiply(picture[..., channel], scales[channel], out=plane)
            plane -= offsets[channel]
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
    at_once, threads = _shared_out(usable_cpus())
    session = open_session(folder.path / name, threads)

    def embed(given: Normalised) -> NDArray[np.float32]:
        return np.asarray(session.run(["embedding"], {"pixels": given})[0])

    return ImageModel(embed, _SMALL_BATCH, at_once)


def _openvino_bf16(folder: TowerFolder) -> ImageModel:
    core = _openvino_core()
    if "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        raise PrecisionRefused(folder.name, "bf16", "this CPU has no bf16 instructions")
    at_once, threads = _shared_out(usable_cpus())
    hints = {
        "INFERENCE_PRECISION_HINT": "bf16",
        "NUM_STREAMS": at_once,
        "INFERENCE_NUM_THREADS": at_once * threads,
    }
    model = core.read_model(str(folder.path / IMAGE))
    shape = (_SMALL_BATCH, 3, folder.preprocessing.height, folder.preprocessing.width)
    model.reshape(shape)  # a tenth quicker than for batches of any size
    compiled = core.compile_model(model, "CPU", hints)
    requests: SimpleQueue[Any] = SimpleQueue()  # each serves one thread at a time
    for _ in range(at_once):
        requests.put(compiled.create_infer_request())

    def embed(given: Normalised) -> NDArray[np.float32]:
        full = given
        if len(given) < _SMALL_BATCH:
            full = np.zeros(shape, np.float32)
            full[: len(given)] = given
        request = requests.get()
        try:
            return np.array(request.infer([full])[0][: len(given)], dtype=np.float32)
        finally:
            requests.put(request)

    with _first_call:
        embed(np.zeros(shape, np.float32))
    return ImageModel(embed, _SMALL_BATCH, at_once)


def _shared_out(processors: int) -> tuple[int, int]:
    """How many batches run at once, and with how many threads each."""
    at_once = min(processors, _AT_ONCE_AT_MOST)
    return at_once, processors // at_once


def _openvino_core() -> Any:
    try:
        import openvino
    except ImportError as error:
        raise ExtraMissing("openvino", "running a tower at bf16 on a CPU") from error
    return openvino.Core()
