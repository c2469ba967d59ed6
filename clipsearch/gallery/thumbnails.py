"""Small pictures inside the page: decoded, upright, encoded anew, with no metadata left."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

from PIL import Image as PillowImage

from clipsearch.errors import UnreadableQueryImage
from clipsearch.images import decode_picture
from clipsearch.values import Image, Pixels, Preprocessing

LONGER_SIDE = 320
QUALITY = 82


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A JPEG as a data URI, with its size in pixels."""

    uri: str
    width: int
    height: int


def thumbnail(image: Image) -> Thumbnail | None:
    """A picture of at most 320 pixels; None for what is no file or cannot be read any more."""
    pixels = thumbnail_pixels(image)
    if pixels is None:
        return None
    encoded = io.BytesIO()
    PillowImage.fromarray(pixels).save(encoded, "JPEG", quality=QUALITY, optimize=True)
    text = base64.b64encode(encoded.getvalue()).decode("ascii")
    height, width, _ = pixels.shape
    return Thumbnail(f"data:image/jpeg;base64,{text}", width, height)


def thumbnail_pixels(image: Image) -> Pixels | None:
    """The same as uint8 [h, w, 3], upright."""
    if image.path is None:
        return None
    width, height = thumbnail_size(image.info.width, image.info.height)
    squashed = Preprocessing(
        height, width, "squash", "bicubic", mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)
    )
    try:
        return decode_picture(image.path, squashed).pixels
    except UnreadableQueryImage:
        return None


def png_uri(content: bytes) -> str:
    """A PNG as a data URI."""
    return f"data:image/png;base64,{base64.b64encode(content).decode('ascii')}"


def thumbnail_size(width: int, height: int) -> tuple[int, int]:
    """Width and height with the same proportions and no side above 320; never enlarged."""
    scale = min(1.0, LONGER_SIDE / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))
