"""A generation's manifest: what was published, and how to tell whether it still is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from clipsearch.errors import GenerationDamaged
from clipsearch.indexes.recipes import Recipe

FORMAT = 1
MANIFEST = "manifest.json"
INDEX = "index.faiss"
IDS = "ids.npy"


@dataclass(frozen=True, slots=True)
class Seal:
    """What a file was when it was published: size in bytes, mtime in ns, sha256 in hex."""

    bytes: int
    mtime_ns: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything about a generation but its numbers."""

    recipe: Recipe
    dim: int
    count: int
    last_id: int
    files: Mapping[str, Seal]
    stamp: Mapping[str, str]


def manifest_bytes(manifest: Manifest) -> bytes:
    """Return the manifest as JSON."""
    return json.dumps({"format": FORMAT, **asdict(manifest)}, indent=1).encode()


def read_manifest(place: Path) -> Manifest:
    """Return the manifest of the generation in the folder `place`; else GenerationDamaged."""
    try:
        told = json.loads((place / MANIFEST).read_bytes())
        if told["format"] != FORMAT:
            raise ValueError(f"format {told['format']!r}, this clipsearch reads {FORMAT}")
        return _manifest(told)
    except FileNotFoundError:
        raise GenerationDamaged(place, f"no {MANIFEST}") from None
    except OSError as error:
        raise GenerationDamaged(place, f"{MANIFEST}: {error.strerror}") from error
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise GenerationDamaged(place, f"{MANIFEST}: {error}") from error


def _manifest(told: Mapping[str, Any]) -> Manifest:
    files = {name: Seal(**told["files"][name]) for name in (INDEX, IDS)}
    numbers = [told["dim"], told["count"], told["last_id"]]
    for seal in files.values():
        numbers += [seal.bytes, seal.mtime_ns]
    if any(type(number) is not int for number in numbers):
        raise TypeError("a number is none")
    return Manifest(
        recipe=Recipe(**told["recipe"]),
        dim=told["dim"],
        count=told["count"],
        last_id=told["last_id"],
        files=files,
        stamp={str(key): str(value) for key, value in dict(told["stamp"]).items()},
    )


def check_seal(path: Path, seal: Seal) -> None:
    """Raise GenerationDamaged unless the file is what was sealed.

    The same size and mtime are believed. With another mtime (a copied home) the digest decides,
    before anything else reads the file.
    """
    try:
        stat = path.stat()
        if stat.st_size != seal.bytes:
            detail = f"{path.name} has {stat.st_size} bytes, not {seal.bytes}"
            raise GenerationDamaged(path.parent, detail)
        if stat.st_mtime_ns != seal.mtime_ns:
            check_digest(path, seal)
    except OSError as error:
        raise GenerationDamaged(path.parent, f"{path.name}: {error.strerror}") from error


def check_digest(path: Path, seal: Seal) -> None:
    """Raise GenerationDamaged unless the file's sha256 is the sealed one; reads all of it."""
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise GenerationDamaged(path.parent, f"{path.name}: {error.strerror}") from error
    if found != seal.sha256:
        raise GenerationDamaged(path.parent, f"{path.name} is not what was published")


class SealingWriter:
    """A binary file's `write` that also keeps the digest."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._digest = file, hashlib.sha256()

    def write(self, content: bytes) -> int:
        """Write all of `content`; returns its length in bytes."""
        self._file.write(content)
        self._digest.update(content)
        return len(content)

    def seal(self, path: Path) -> Seal:
        """Return the seal of `path`, the file that was written, once it is closed."""
        stat = path.stat()
        return Seal(stat.st_size, stat.st_mtime_ns, self._digest.hexdigest())
