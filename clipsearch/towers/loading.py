"""The one door to every pair of towers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import get_args

from clipsearch.errors import PrecisionRefused, TowerMissing
from clipsearch.settings import tower_cache
from clipsearch.towers.exported import ExportedTowers
from clipsearch.towers.folder import IMAGE_INT8, TowerFolder, read_tower_folder
from clipsearch.towers.known_names import known_models
from clipsearch.towers.names import BUILTIN, is_builtin, parse_tower_name
from clipsearch.towers.onnx_safety import refuse_unsafe_models
from clipsearch.towers.pair import TowerOptions, TowerPair
from clipsearch.values import Precision

BUILTIN_FOLDER = Path(__file__).resolve().parent.parent / "weights"


def load_towers(name: str, home: Path, options: TowerOptions | None = None) -> TowerPair:
    """The pair of towers of that name; the models themselves are opened at their first use.

    The built-in towers and every export start without torch. Another open_clip model is
    exported at its first use, and kept under `home`. Raises TowerMissing, TowerUnsafe,
    PrecisionRefused, ExtraMissing.
    """
    options = options or TowerOptions()
    if is_builtin(name):
        return _builtin(name.strip().lower(), home, options)
    parsed = parse_tower_name(name, known_models())
    if parsed.kind == "exported_folder":
        folder = read_tower_folder(Path(parsed.model))
        refuse_unsafe_models(folder)
        # Its place is its name, since a collection finds its towers by name alone.
        return exported_pair(replace(folder, name=str(parsed)), home, options)
    from clipsearch.towers.cached import load_open_clip

    return load_open_clip(parsed, home, options)


def exported_pair(
    folder: TowerFolder, home: Path, options: TowerOptions, notes: tuple[str, ...] = ()
) -> ExportedTowers:
    """The pair of a folder at the precision that the options ask for."""
    precision = folder.auto if options.precision == "auto" else options.precision
    if precision not in get_args(Precision):
        raise ValueError(f"unknown precision {precision!r}")
    if precision == "int8" and IMAGE_INT8 not in folder.files:
        reason = f"it has no {IMAGE_INT8}, and quantising it here would make it slower"
        raise PrecisionRefused(folder.name, "int8", reason)
    return ExportedTowers(folder, precision, tower_cache(home), notes)


def _builtin(asked: str, home: Path, options: TowerOptions) -> ExportedTowers:
    try:
        folder = read_tower_folder(BUILTIN_FOLDER)
    except TowerMissing as error:
        raise TowerMissing(asked, f"this installation is not whole: {error.detail}") from error
    if asked not in (BUILTIN, folder.name):
        raise TowerMissing(asked, f"this clipsearch brings {folder.name}; index again with it")
    return exported_pair(folder, home, options)
