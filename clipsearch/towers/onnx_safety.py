"""Looks into an ONNX file for weights outside its folder, before a runtime opens it.

ONNX keeps weights in other files by `external_data` entries whose location is a path. This walk
reads just the protobuf fields that lead there (onnx.proto of ONNX 1.x), skips all others
unread, and needs no package; so it works where `onnx` is not installed.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path

from clipsearch.errors import TowerUnsafe
from clipsearch.towers.folder import TowerFolder

DEEPEST = 64

# message -> field number -> message of that field; only what can lead to a tensor.
_FIELDS: dict[str, dict[int, str]] = {
    "Model": {7: "Graph", 20: "Training", 25: "Function"},
    "Training": {1: "Graph", 2: "Graph"},
    "Function": {7: "Node", 11: "Attribute"},
    "Graph": {1: "Node", 5: "Tensor", 15: "Sparse"},
    "Node": {5: "Attribute"},
    "Attribute": {5: "Tensor", 6: "Graph", 10: "Tensor", 11: "Graph", 22: "Sparse", 23: "Sparse"},
    "Sparse": {1: "Tensor", 2: "Tensor"},
    "Tensor": {13: "Entry"},
    "Entry": {},
}


def refuse_unsafe_models(folder: TowerFolder) -> None:
    """Raise TowerUnsafe if an ONNX file of the folder reads anything but the folder's own files.

    A location must be the bare name of a file that tower.json lists; those are regular files
    inside the folder already (`read_tower_folder`).
    """
    for name in folder.files:
        if name.endswith(".onnx"):
            for location in external_locations(folder.path / name):
                if location not in folder.files:
                    detail = f"its weights lie outside its folder, at {location!r}"
                    raise TowerUnsafe(folder.path / name, detail)


def external_locations(model: Path) -> set[str]:
    """Where an ONNX file keeps weights outside itself. Raises TowerUnsafe for a malformed one."""
    if model.stat().st_size == 0:
        return set()
    try:
        with model.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return set(_locations(data, (0, len(data)), "Model", 0))
    except (ValueError, IndexError) as error:
        raise TowerUnsafe(model, f"it is no well-formed ONNX file ({error})") from error


Span = tuple[int, int]


def _locations(data: mmap.mmap, span: Span, message: str, depth: int) -> Iterator[str]:
    if depth > DEEPEST:
        raise ValueError("nested too deep")
    if message == "Entry":
        yield from _entry(data, span)
        return
    for number, inner in _length_delimited(data, span):
        if found := _FIELDS[message].get(number):
            yield from _locations(data, inner, found, depth + 1)


def _entry(data: mmap.mmap, span: Span) -> Iterator[str]:
    """The value of a key-value pair whose key is "location"."""
    texts = {number: data[start:end] for number, (start, end) in _length_delimited(data, span)}
    if texts.get(1) == b"location":
        yield texts.get(2, b"").decode("utf-8", "replace")


def _length_delimited(data: mmap.mmap, span: Span) -> Iterator[tuple[int, Span]]:
    """The number and extent of each field with a length; fields of other kinds are passed by."""
    position, end = span
    while position < end:
        key, position = _varint(data, position)
        number, kind = key >> 3, key & 7
        if kind == 0:
            _, position = _varint(data, position)
        elif kind in (1, 5):
            position += 8 if kind == 1 else 4
        elif kind == 2:
            length, position = _varint(data, position)
            if position + length > end:
                raise ValueError("a field is longer than what holds it")
            yield number, (position, position + length)
            position += length
        else:
            raise ValueError(f"unknown kind of field {kind}")
    if position != end:
        raise ValueError("the last field is cut")


def _varint(data: mmap.mmap, position: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 70:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
    raise ValueError("a number is too long")
