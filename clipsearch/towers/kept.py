"""Exports of open_clip models that are kept under the home, and whether they still hold."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

from clipsearch.durable import write_durably
from clipsearch.errors import TowerMissing
from clipsearch.towers.folder import TowerFolder, file_entry, is_tower_folder, read_tower_folder
from clipsearch.towers.names import TowerName, find_weights
from clipsearch.towers.onnx_safety import refuse_unsafe_models

SEEN = "seen.json"


def kept_folder(cache: Path, name: str) -> Path:
    """Where the export of a model belongs, by the spelling that we keep."""
    readable = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[-60:]
    return cache / f"{readable}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"


def kept_exports(cache: Path) -> list[TowerFolder]:
    """The exports that stand whole under a cache, by name."""
    folders = []
    for path in sorted(cache.glob("*/tower.json")):
        try:
            folders.append(read_tower_folder(path.parent))
        except TowerMissing:
            continue
    return sorted(folders, key=lambda folder: folder.name)


def unchanged_export(cache: Path, name: TowerName) -> TowerFolder | None:
    """The kept export, unless it is damaged or its weights have changed since."""
    path = kept_folder(cache, str(name))
    if not is_tower_folder(path):
        return None
    try:
        folder = read_tower_folder(path)
    except TowerMissing:
        return None
    weights = _local_weights(name)
    if weights is not None and not _same_weights(folder, weights):
        return None
    refuse_unsafe_models(folder)
    return folder


def _local_weights(name: TowerName) -> Path | None:
    """The file of weights of a model that lies on this machine by path; None for others."""
    if name.kind == "checkpoint":
        return Path(name.weights)
    return find_weights(Path(name.model)) if name.kind == "open_clip_folder" else None


def _same_weights(folder: TowerFolder, weights: Path) -> bool:
    """Whether the weights are those that were exported: by size and time, else by digest."""
    seen = folder.path / SEEN
    state = json.dumps([weights.name, weights.stat().st_size, weights.stat().st_mtime_ns])
    if seen.is_file() and seen.read_text() == state:
        return True
    if folder.weights != {weights.name: file_entry(weights)}:
        return False
    write_durably(seen, state.encode())
    return True
