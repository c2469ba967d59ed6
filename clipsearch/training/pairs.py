"""Pictures and captions of a training folder, in the form `filepath,title,split`."""

import csv
import io
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

MOST_PIXELS = 64_000_000


@dataclass(frozen=True)
class Example:
    """One picture with all its captions and the split it stands in."""

    image: str
    captions: tuple[str, ...]
    split: str


def read_examples(table: Path, split: str) -> tuple[Example, ...]:
    """Give the pictures of one split in the order of the table, each with its captions.

    Raises ValueError when a picture stands in two splits: nothing measured on it would count.
    """
    captions: dict[str, list[str]] = {}
    splits: dict[str, str] = {}
    with table.open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            image = row["filepath"]
            if splits.setdefault(image, row["split"]) != row["split"]:
                raise ValueError(f"{image} stands in two splits of {table}")
            captions.setdefault(image, []).append(row["title"].strip())
    chosen = (image for image in captions if splits[image] == split)
    return tuple(Example(image, tuple(captions[image]), split) for image in chosen)


def read_pixels(data: Path, images: Iterable[str], side: int) -> Iterator[NDArray[np.uint8]]:
    """Yield each named picture squashed to uint8 [side, side, 3]."""
    for encoded in read_encoded(data, images):
        yield squash(encoded, side)


def read_encoded(data: Path, images: Iterable[str]) -> Iterator[bytes]:
    """Yield the bytes of each named picture, from `SET.tar` or a folder."""
    tars: dict[Path, tarfile.TarFile] = {}
    try:
        for image in images:
            yield _read_bytes(data, image, tars)
    finally:
        for tar in tars.values():
            tar.close()


def squash(encoded: bytes, side: int) -> NDArray[np.uint8]:
    """Decode one picture and resize it, aspect ignored, to uint8 [side, side, 3]."""
    with Image.open(io.BytesIO(encoded)) as picture:
        if picture.width * picture.height > MOST_PIXELS:
            raise ValueError(f"a picture of {picture.width} x {picture.height} is too large")
        rgb = picture.convert("RGB")
    return np.asarray(rgb.resize((side, side), Image.Resampling.BILINEAR), dtype=np.uint8)


def _read_bytes(data: Path, image: str, tars: dict[Path, tarfile.TarFile]) -> bytes:
    """Give the bytes of one picture, from the folder when it lies there, else from the tar."""
    if (data / image).is_file():
        return (data / image).read_bytes()
    path = data / f"{image.split('/', 1)[0]}.tar"
    if path not in tars:
        tars[path] = tarfile.open(path)  # noqa: SIM115 - closed by read_encoded
    member = tars[path].extractfile(image)
    if member is None:
        raise FileNotFoundError(f"{image} is no file in {path}")
    return member.read()
