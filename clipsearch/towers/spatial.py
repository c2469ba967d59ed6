"""What an exported image tower sees where: by its own graph, cut before the average."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipsearch.errors import TowerError
from clipsearch.processors import usable_cpus
from clipsearch.towers.image_models import normalised
from clipsearch.towers.onnx_cutting import Cut, cut_before_pooling
from clipsearch.towers.parts import Parts, pooled_parts
from clipsearch.towers.runtime import import_onnxruntime, session_options
from clipsearch.values import Pixels, Preprocessing

PartsOf = Callable[[Pixels], Parts | None]


def cut_model(path: Path, preprocessing: Preprocessing) -> PartsOf | None:
    """What gives the parts of a picture by an ONNX file; None where it cannot be cut."""
    try:
        cut = cut_before_pooling(path.read_bytes())
        if cut is None:
            return None
        whole, head = _session(cut.whole), _session(cut.head)
    except Exception:  # the runtime refuses what it cannot follow in many ways
        return None
    if len(next(out.shape for out in whole.get_outputs() if out.name == cut.regions) or ()) != 4:
        return None
    return lambda pixels: _parts(whole, head, cut, normalised(pixels[np.newaxis], preprocessing))


def source_model(name: str, preprocessing: Preprocessing) -> PartsOf | None:
    """The same by the open_clip model of that name in torch; None where it cannot be had."""
    from clipsearch.towers.known_names import known_models
    from clipsearch.towers.names import parse_tower_name

    try:
        from clipsearch.towers.open_clip_model import build_model
        from clipsearch.towers.open_clip_source import find_source
        from clipsearch.towers.torch_parts import torch_parts

        parsed = parse_tower_name(name, known_models)
        if parsed.kind == "exported_folder":
            return None
        module = build_model(find_source(parsed)).module
    except (TowerError, ImportError, OSError):
        return None  # no torch, or no network: places are covered instead

    def parts(pixels: Pixels) -> Parts | None:
        return torch_parts(module, normalised(pixels[np.newaxis], preprocessing))

    return parts


def _parts(whole: Any, head: Any, cut: Cut, given: NDArray[np.float32]) -> Parts:
    (regions,) = whole.run([cut.regions], {"pixels": given})

    def embed(averages: NDArray[np.float32]) -> NDArray[np.float32]:
        one_place = np.ascontiguousarray(averages[:, :, np.newaxis, np.newaxis], np.float32)
        return np.asarray(head.run([cut.raw], {cut.regions: one_place})[0])

    return pooled_parts(np.asarray(regions[0], np.float32), embed)


def _session(model: bytes) -> Any:
    return import_onnxruntime().InferenceSession(
        model, session_options(usable_cpus()), providers=["CPUExecutionProvider"]
    )
