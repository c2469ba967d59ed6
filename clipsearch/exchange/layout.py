"""The folder of embeddings that clip-retrieval writes, and that its friends read.

    img_emb/img_emb_0.npy           embeddings of images [n, dim], float16 or float32
    text_emb/text_emb_0.npy         embeddings of their captions [n, dim]; may be absent
    metadata/metadata_0.parquet     n rows: image_path, caption, url, ...
    clipsearch.json                 ours: which tower made them; others do not look at it

Other programs sort the names of a folder, so the numbers of its parts are all of one length
(rom1504/clip-retrieval, clip_inference/writer.py; rom1504/embedding-reader).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from clipsearch.exchange_errors import ExchangeUnreadable
from clipsearch.values import TowerIdentity

IMAGES, TEXTS, METADATA = "img_emb", "text_emb", "metadata"
MANIFEST = "clipsearch.json"
FORMAT = 1
LARGEST_MANIFEST = 1 << 16

_NUMBER = re.compile(r".*_(\d+)\.(?:npy|parquet)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Part:
    """The files of one part; their rows belong together, one by one."""

    images: Path
    metadata: Path
    texts: Path | None = None


def part_in(folder: Path, number: int, parts: int, *, texts: bool) -> Part:
    """Where the part of that number lies, of so many parts."""
    name = str(number).zfill(len(str(parts)))
    return Part(
        folder / IMAGES / f"{IMAGES}_{name}.npy",
        folder / METADATA / f"{METADATA}_{name}.parquet",
        folder / TEXTS / f"{TEXTS}_{name}.npy" if texts else None,
    )


def find_parts(folder: Path) -> list[Part]:
    """The parts of a folder in the order of their numbers. Raises ExchangeUnreadable."""
    images = _numbered(folder / IMAGES, ".npy")
    metadata = _numbered(folder / METADATA, ".parquet")
    texts = _numbered(folder / TEXTS, ".npy")
    if not images:
        raise ExchangeUnreadable(folder, f"there is no {IMAGES}/{IMAGES}_0.npy")
    for number in sorted(images.keys() ^ metadata.keys()):
        missing, there = (METADATA, images) if number in images else (IMAGES, metadata)
        raise ExchangeUnreadable(folder, f"{missing} has no counterpart of {there[number].name}")
    return [Part(images[number], metadata[number], texts.get(number)) for number in sorted(images)]


def write_manifest(folder: Path, tower: TowerIdentity, counts: dict[str, int]) -> Path:
    """Say which tower made the embeddings; returns the file."""
    target = folder / MANIFEST
    document = {"format": FORMAT, "tower": asdict(tower), **counts}
    target.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return target


def tower_of(folder: Path) -> TowerIdentity | None:
    """Which tower made the embeddings, where the folder is ours. Raises ExchangeUnreadable."""
    path = folder / MANIFEST
    if not path.exists():
        return None
    try:
        with path.open("rb") as file:
            document = json.loads(file.read(LARGEST_MANIFEST))
        if document["format"] > FORMAT:
            raise ExchangeUnreadable(folder, "a later clipsearch wrote it")
        return _identity(document["tower"])
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise ExchangeUnreadable(folder, f"its {MANIFEST} cannot be read") from error


def _identity(fields: dict[str, Any]) -> TowerIdentity:
    identity = TowerIdentity(**fields)
    texts: Sequence[object] = (identity.name, identity.precision, identity.digest)
    if not all(isinstance(text, str) for text in texts) or type(identity.dim) is not int:
        raise TypeError("a tower is named by texts and a width")
    return identity


def _numbered(folder: Path, ending: str) -> dict[int, Path]:
    """The files of a folder by the number at the end of their names."""
    found: dict[int, Path] = {}
    paths = folder.iterdir() if folder.is_dir() else ()
    for path in sorted(path for path in paths if path.suffix == ending and path.is_file()):
        match = _NUMBER.fullmatch(path.name)
        if match is None or int(match[1]) in found:
            raise ExchangeUnreadable(folder.parent, f"{path.name!r} bears no number of its own")
        found[int(match[1])] = path
    return found
