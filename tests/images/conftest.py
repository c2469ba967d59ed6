"""Pictures for the tests, made on the fly: by Pillow, or byte by byte where Pillow would not."""

from __future__ import annotations

import os
import struct
import tempfile
import zlib
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from clipsearch.images import DecodeLimits
from clipsearch.images.decode import content_hash, decode
from clipsearch.refused import Refused
from clipsearch.values import ImageInfo, Pixels, Preprocessing, SkipCode

Encode = Callable[..., bytes]
Chunk = Callable[[bytes, bytes], bytes]
Png = Callable[..., bytes]
Read = Callable[[bytes], tuple[ImageInfo, Pixels]]
Refusal = Callable[..., SkipCode]


@pytest.fixture
def small() -> Preprocessing:
    """A tower's input of 32 x 32, squashed."""
    return Preprocessing(32, 32, "squash", "bicubic", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


@pytest.fixture
def cat(photographs: Path) -> Image.Image:
    """A real photograph, RGB, 451 x 300."""
    with Image.open(photographs / "chelsea.png") as image:
        return image.convert("RGB")


@pytest.fixture
def encode() -> Encode:
    """(image, format, **options) -> the bytes of a file."""

    def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
        stream = BytesIO()
        image.save(stream, kind, **options)
        return stream.getvalue()

    return encoded


@pytest.fixture
def chunk() -> Chunk:
    """(name, content) -> a PNG chunk with its checksum."""

    def made(name: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(name + content)
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)

    return made


@pytest.fixture
def png(chunk: Chunk) -> Png:
    """(width, height, body, extra chunks) -> a PNG whose header may promise anything."""

    def made(width: int, height: int, body: bytes = b"", extra: bytes = b"") -> bytes:
        header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
        data = chunk(b"IDAT", zlib.compress(body))
        return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + data + chunk(b"IEND", b"")

    return made


@pytest.fixture
def read(small: Preprocessing) -> Read:
    """The bytes of a file -> what is known of it, and its pixels [32, 32, 3]."""

    def decoded(data: bytes) -> tuple[ImageInfo, Pixels]:
        return decode(data, content_hash(data), small, DecodeLimits())[:2]

    return decoded


@pytest.fixture
def refusal(small: Preprocessing) -> Refusal:
    """The bytes of a file -> the code with which it is refused; fails if it is not."""

    def code(data: bytes, limits: DecodeLimits | None = None) -> SkipCode:
        with pytest.raises(Refused) as caught:
            decode(data, content_hash(data), small, limits or DecodeLimits())
        return caught.value.code

    return code


@pytest.fixture
def heic(cat: Image.Image) -> bytes:
    """The cat as HEIC."""
    pillow_heif = pytest.importorskip("pillow_heif")
    stream = BytesIO()
    pillow_heif.from_pillow(cat).save(stream, quality=80)
    return stream.getvalue()


@pytest.fixture
def as_nobody() -> Iterator[Path]:
    """A folder that anybody may write; for the time of the test we are not root."""
    user = os.geteuid()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        if user == 0:
            os.seteuid(65_534)
        try:
            yield folder
        finally:
            os.seteuid(user)
            for path in folder.rglob("*"):
                path.chmod(0o700)
