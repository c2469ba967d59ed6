"""An exported pair of towers on disk: a folder of ONNX files described by its tower.json."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from clipsearch.errors import TowerMissing, TowerUnsafe
from clipsearch.towers.cleaning import Clean
from clipsearch.values import Precision, Preprocessing

DESCRIPTION = "tower.json"
FORMAT = 1
IMAGE, IMAGE_INT8 = "image.onnx", "image.int8.onnx"
TEXT, TEXT_INT8 = "text.onnx", "text.int8.onnx"


@dataclass(frozen=True, slots=True)
class FileEntry:
    """What a file must be: its size in bytes and its sha256 (hex)."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class TextInput:
    """How a text becomes the text tower's input.

    `tokenizer` names a file of the folder: `vocab.txt` (BERT WordPiece, lower case),
    `merges.txt` (CLIP's BPE) or any `*.json` of the tokenizers library. `padding` is to the
    longest text of a batch or to `max_tokens`, with `pad_id`. Ids equal to `drop_id` become 0.
    `templates` are the sentences into which a search puts short words (`towers.templates`); None
    where the folder says nothing of them.
    """

    tokenizer: str
    max_tokens: int
    languages: tuple[str, ...] = ()
    clean: Clean = "none"
    padding: Literal["longest", "max"] = "longest"
    pad_id: int = 0
    drop_id: int | None = None
    templates: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class TowerFolder:
    """What tower.json says, and where it stands.

    `weights` are the files that the towers were exported from, or, where int8 was added, those
    that stood before; where it is empty, `files` are the weights themselves. `auto` is the
    precision that the folder recommends, `notes` are what a user should know of it.
    """

    path: Path
    name: str
    dim: int
    preprocessing: Preprocessing
    text: TextInput
    logit_scale: float
    files: Mapping[str, FileEntry]
    weights: Mapping[str, FileEntry] = field(default_factory=dict)
    auto: Precision = "fp32"
    notes: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """sha256 (hex) over weights and preprocessing."""
        return weights_digest(self.weights or self.files, self.preprocessing)

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(entry.bytes for entry in self.files.values())


def weights_digest(weights: Mapping[str, FileEntry], preprocessing: Preprocessing) -> str:
    """sha256 (hex) over the sorted (file name, sha256) pairs and the preprocessing."""
    pairs = sorted((name, entry.sha256) for name, entry in weights.items())
    described = json.dumps([pairs, preprocessing_to_json(preprocessing)], sort_keys=True)
    return hashlib.sha256(described.encode()).hexdigest()


def is_tower_folder(path: Path) -> bool:
    """Whether a tower.json stands there."""
    return (path / DESCRIPTION).is_file()


def read_tower_folder(path: Path) -> TowerFolder:
    """Read tower.json and hold the files' names and sizes against it; no model is opened.

    Raises TowerMissing for a folder that is not whole, TowerUnsafe for files outside it.
    """
    try:
        described = json.loads((path / DESCRIPTION).read_bytes())
        folder = _folder_from_json(path, described)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"{path / DESCRIPTION} cannot be read ({type(error).__name__}: {error})"
        raise TowerMissing(path.name, reason) from error
    for name, entry in folder.files.items():
        _check_file(folder, name, entry)
    return folder


def verify_tower(path: Path) -> None:
    """Hold every file of an exported tower against its sha256. Raises TowerMissing."""
    folder = read_tower_folder(path)
    for name, entry in folder.files.items():
        if file_sha256(path / name) != entry.sha256:
            raise TowerMissing(folder.name, f"{path / name} is damaged: its sha256 differs")


def file_entry(path: Path) -> FileEntry:
    """The size and digest of a file, read whole."""
    return FileEntry(path.stat().st_size, file_sha256(path))


def file_sha256(path: Path) -> str:
    """The sha256 (hex) of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_file(folder: TowerFolder, name: str, entry: FileEntry) -> None:
    path = folder.path / name
    if Path(name).name != name or "\\" in name or name in ("", ".", ".."):
        raise TowerUnsafe(folder.path, f"its tower.json names a file outside it, {name!r}")
    if path.is_symlink():
        raise TowerUnsafe(path, "it is a symbolic link")
    found = path.stat().st_size if path.is_file() else None
    if found != entry.bytes:
        held = "is not there" if found is None else f"has {found} bytes, not {entry.bytes}"
        raise TowerMissing(folder.name, f"{path} is damaged: it {held}")


def preprocessing_to_json(preprocessing: Preprocessing) -> dict[str, Any]:
    """As it stands in tower.json."""
    return {
        "size": [preprocessing.height, preprocessing.width],
        "mode": preprocessing.mode,
        "interpolation": preprocessing.interpolation,
        "mean": list(preprocessing.mean),
        "std": list(preprocessing.std),
        "fill": preprocessing.fill,
    }


def preprocessing_from_json(found: Mapping[str, Any]) -> Preprocessing:
    """Read it from tower.json or open_clip's preprocess_cfg; ValueError for what we cannot do."""
    height, width = found["size"]
    mode, interpolation = found["mode"], found["interpolation"]
    if mode not in ("squash", "shortest", "longest"):
        raise ValueError(f"unknown resize mode {mode!r}")
    if interpolation not in ("bicubic", "bilinear"):
        raise ValueError(f"unknown interpolation {interpolation!r}")
    return Preprocessing(
        height=int(height),
        width=int(width),
        mode=mode,
        interpolation=interpolation,
        mean=_channels(found["mean"]),
        std=_channels(found["std"]),
        fill=int(found.get("fill", 0)),
    )


def _channels(found: Any) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in found)
    return red, green, blue


def _folder_from_json(path: Path, found: Mapping[str, Any]) -> TowerFolder:
    if found["format"] != FORMAT:
        raise ValueError(f"format {found['format']!r} is not {FORMAT}")
    text = dict(found["text"])
    text["languages"] = tuple(text.get("languages", ()))
    if (templates := text.get("templates")) is not None:
        text["templates"] = tuple(map(_template, templates))
    known = TextInput.__dataclass_fields__
    return TowerFolder(
        path=path,
        name=str(found["name"]),
        dim=int(found["dim"]),
        preprocessing=preprocessing_from_json(found["preprocessing"]),
        text=TextInput(**{key: text[key] for key in known if key in text}),
        logit_scale=float(found["logit_scale"]),
        files=_entries(found["files"]),
        weights=_entries(found.get("weights", {})),
        auto=found.get("auto", "fp32"),
        notes=tuple(found.get("notes", ())),
    )


def _template(found: Any) -> str:
    if not isinstance(found, str) or ("{}" not in found and "{a}" not in found):
        raise ValueError(f"the template {found!r} has no place for words, {{}} or {{a}}")
    return found


def _entries(found: Mapping[str, Any]) -> dict[str, FileEntry]:
    return {
        name: FileEntry(int(entry["bytes"]), str(entry["sha256"])) for name, entry in found.items()
    }
