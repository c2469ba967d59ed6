"""open_clip models: exported once, so that later starts need no torch; or run in torch."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from clipsearch.durable import durable_folder, sweep
from clipsearch.errors import HomeUnwritable, TowerMissing
from clipsearch.towers.export import ExportRefused, export_model
from clipsearch.towers.exported_pair import chosen_precision, exported_pair
from clipsearch.towers.folder import IMAGE_INT8, TowerFolder, read_tower_folder
from clipsearch.towers.image_models import ImageModel
from clipsearch.towers.kept import kept_folder, unchanged_export
from clipsearch.towers.names import TowerName
from clipsearch.towers.open_clip_model import build_model
from clipsearch.towers.open_clip_source import find_source
from clipsearch.towers.pair import TowerOptions, TowerPair
from clipsearch.towers.quantise import with_int8
from clipsearch.towers.torch_towers import TorchTowers, torch_image_model
from clipsearch.values import Precision

_GPU = Path("/dev/nvidiactl")


def load_open_clip(name: TowerName, cache: Path, options: TowerOptions) -> TowerPair:
    """The pair of an open_clip model: from its kept export, or exported now, or in torch."""
    if options.runtime == "torch":
        return _in_torch(name, options)
    try:
        folder = unchanged_export(cache, name) or _export(cache, name)
    except ExportRefused as error:
        if options.runtime == "onnx":
            raise TowerMissing(str(name), f"it cannot be exported to ONNX: {error}") from error
        return _in_torch(name, options, f"{name} runs in torch, since {error}")
    precision = chosen_precision(folder, options)
    if precision == "int8" and IMAGE_INT8 not in folder.files:
        with _only_exporter(cache):
            folder = with_int8(read_tower_folder(folder.path))
    return exported_pair(folder, cache, options, _on_gpu(name, precision, options))


def _export(cache: Path, name: TowerName) -> TowerFolder:
    """Export a model into the cache in place of what stood there; one process at a time."""
    target = kept_folder(cache, str(name))
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with _only_exporter(cache):
            if kept := unchanged_export(cache, name):  # another process was quicker
                return kept
            sweep(cache)
            model = build_model(find_source(name))
            shutil.rmtree(target, ignore_errors=True)
            with durable_folder(target) as unfinished:
                export_model(model, unfinished)
    except OSError as error:
        raise HomeUnwritable(target, error.strerror or str(error)) from error
    return read_tower_folder(target)


def _only_exporter(cache: Path) -> AbstractContextManager[object]:
    from filelock import FileLock  # a query has no use for it

    return FileLock(cache / "export.lock")


def _in_torch(name: TowerName, options: TowerOptions, *notes: str) -> TowerPair:
    precision: Precision = "fp32" if options.precision == "auto" else options.precision
    return TorchTowers(build_model(find_source(name)), precision, options.device, notes)


def _on_gpu(
    name: TowerName, precision: Precision, options: TowerOptions
) -> Callable[[], ImageModel] | None:
    """The image tower in torch where a GPU is: texts stay with ONNX Runtime, which starts sooner.

    The GPU is looked for without torch, whose import costs a query more than its answer.
    """
    wanted = options.device or ("cuda" if _GPU.exists() else "cpu")
    if options.runtime == "onnx" or precision == "int8" or not wanted.startswith("cuda"):
        return None

    def open_on_gpu() -> ImageModel:
        return torch_image_model(build_model(find_source(name)), precision, wanted)

    return open_on_gpu
