"""From untrusted bytes to a tower's input: the one place where pictures are decoded."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from PIL import Image
from PIL.ImageFile import ImageFile

from clipsearch.images.colour import to_srgb
from clipsearch.images.limits import DecodeLimits
from clipsearch.images.metadata import Exif
from clipsearch.images.opening import open_image, refusal_at_decode
from clipsearch.images.own_words import own_words, xmp_packet
from clipsearch.images.resizing import resize, resized_size
from clipsearch.values import Caption, ImageInfo, Pixels, Preprocessing

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_FORMATS = {"MPO": "JPEG"}  # a JPEG with further pictures behind it, as many phones write

# A JPEG is decoded at an eighth, a quarter or half of its size where that leaves at least this
# many pixels for each one asked for: the mean difference is then about 0.25 of 255.
_DRAFT_MARGIN = 2


def content_hash(data: bytes) -> bytes:
    """The fingerprint of a file: BLAKE2b over its bytes, 32 bytes."""
    return hashlib.blake2b(data, digest_size=32).digest()


def decode(
    data: bytes, fingerprint: bytes, preprocessing: Preprocessing, limits: DecodeLimits
) -> tuple[ImageInfo, Pixels, tuple[Caption, ...]]:
    """Decode a picture, turn it upright, and bring it to the tower's size.

    Pixels are RGB uint8 [height, width, 3], C-contiguous; captions are what its bytes say in
    words. Of an animation the first frame is taken. Raises Refused, whatever the decoder raised.
    """
    try:
        image = open_image(data, limits)
        return _decode(image, _Content(fingerprint, len(data)), preprocessing)
    except Exception as error:  # a decoder may raise anything
        raise refusal_at_decode(error) from error


def to_pixels(image: Image.Image, preprocessing: Preprocessing) -> Pixels:
    """An upright RGB picture as a tower's input: uint8 [height, width, 3], C-contiguous."""
    return np.ascontiguousarray(np.asarray(resize(image, preprocessing)))


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """Undo an EXIF orientation (2 to 8; anything else is upright)."""
    turn = _UPRIGHT.get(orientation)
    return image if turn is None else image.transpose(turn)


@dataclass(frozen=True, slots=True)
class _Content:
    fingerprint: bytes
    size: int


def _decode(
    image: ImageFile, content: _Content, preprocessing: Preprocessing
) -> tuple[ImageInfo, Pixels, tuple[Caption, ...]]:
    kind = _FORMATS.get(image.format or "", image.format or "")
    if kind == "PNG":  # its EXIF and its texts may stand behind the pixels
        image.load()
    packet = xmp_packet(image)
    exif = Exif(image)
    words = own_words(image, packet, exif)
    # Pillow turns TIFF by itself, and gives the size as shown.
    orientation = 1 if kind == "TIFF" else exif.orientation
    width, height = image.size
    if orientation >= 5:
        width, height = height, width
    if kind == "JPEG":
        wanted = resized_size(width, height, preprocessing)
        _ask_for_less(image, wanted[::-1] if orientation >= 5 else wanted)
    image.load()
    rgb, notes = to_srgb(image)
    pixels = to_pixels(upright(rgb, orientation), preprocessing)
    latitude, longitude = exif.position or (None, None)
    info = ImageInfo(
        fingerprint=content.fingerprint,
        format=kind,
        width=width,
        height=height,
        bytes=content.size,
        taken=exif.taken,
        camera=exif.camera,
        latitude=latitude,
        longitude=longitude,
        notes=(*notes, *_notes(image, kind, orientation), *words.notes),
    )
    return info, pixels, words.captions


def _ask_for_less(image: ImageFile, wanted: tuple[int, int]) -> None:
    """Let libjpeg scale while it decodes, as far as nobody sees it."""
    image.draft("RGB", (wanted[0] * _DRAFT_MARGIN, wanted[1] * _DRAFT_MARGIN))


def _notes(image: ImageFile, kind: str, orientation: int) -> Iterator[str]:
    if orientation == 0:
        yield "bad_orientation"
    # The pictures behind a phone's JPEG are depth or gain maps, not frames.
    if kind != "JPEG" and _has_more_frames(image):
        yield "first_frame_of_many"


def _has_more_frames(image: ImageFile) -> bool:
    with suppress(Exception):
        return bool(getattr(image, "is_animated", False))
    return False
