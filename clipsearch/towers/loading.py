"""The one door to every pair of towers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from clipsearch.errors import TowerMissing
from clipsearch.settings import tower_cache
from clipsearch.towers.builtin import BUILTIN, BUILTIN_FOLDER, is_builtin
from clipsearch.towers.exported_pair import exported_pair
from clipsearch.towers.folder import is_tower_folder, read_tower_folder
from clipsearch.towers.pair import TowerOptions, TowerPair

__all__ = ["BUILTIN_FOLDER", "load_towers"]


def load_towers(name: str, home: Path, options: TowerOptions | None = None) -> TowerPair:
    """The pair of towers of that name; the models themselves are opened at their first use.

    The built-in towers and every export start without torch. Another open_clip model is
    exported at its first use, and kept under `home`. Raises TowerMissing, TowerUnsafe,
    PrecisionRefused, ExtraMissing.
    """
    options, cache = options or TowerOptions(), tower_cache(home)
    if is_builtin(name):
        return _builtin(name.strip().lower(), cache, options)
    return _named(name, cache, options)


def builtin_name() -> str:
    """The name of the built-in towers that this version brings, with its number."""
    return read_tower_folder(BUILTIN_FOLDER).name


def _named(name: str, cache: Path, options: TowerOptions) -> TowerPair:
    # Imported late: a query with the built-in towers does without.
    from clipsearch.towers.kept import kept_folder
    from clipsearch.towers.known_names import known_models
    from clipsearch.towers.names import parse_tower_name
    from clipsearch.towers.onnx_safety import refuse_unsafe_models

    kept = kept_folder(cache, name)
    try:
        # An export bears its name as we keep it: open_clip need not be asked.
        parsed = parse_tower_name(name, dict if is_tower_folder(kept) else known_models)
    except TowerMissing:
        if not is_tower_folder(kept):
            raise
        # The folder it came from is gone or on another disk: our export of it serves on.
        return exported_pair(read_tower_folder(kept), cache, options)
    if parsed.kind == "exported_folder":
        folder = read_tower_folder(Path(parsed.model))
        refuse_unsafe_models(folder)
        # Its place is its name, since a collection finds its towers by name alone.
        return exported_pair(replace(folder, name=str(parsed)), cache, options)
    from clipsearch.towers.open_clip_towers import load_open_clip

    return load_open_clip(parsed, cache, options)


def _builtin(asked: str, cache: Path, options: TowerOptions) -> TowerPair:
    try:
        folder = read_tower_folder(BUILTIN_FOLDER)
    except TowerMissing as error:
        raise TowerMissing(asked, f"this installation is not whole: {error.detail}") from error
    if asked not in (BUILTIN, folder.name):
        told = f"this clipsearch brings {folder.name}, and `clipsearch migrate` goes over to it"
        raise TowerMissing(asked, told)
    return exported_pair(folder, cache, options)
