"""One picture that the user gave, decoded here and now."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from clipsearch.errors import UnreadableQueryImage
from clipsearch.images.limits import DecodeLimits
from clipsearch.refused import Refused
from clipsearch.values import Decoded, ImageInfo, Pixels, Preprocessing, Skip

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

Picture: TypeAlias = "str | os.PathLike[str] | bytes | PILImage | Pixels"
"""A path, an encoded file's bytes, a PIL image, or RGB uint8 [h, w, 3]."""

_DEFAULT_LIMITS = DecodeLimits()
_NO_PATH = Path("-")


def decode_picture(
    picture: Picture, preprocessing: Preprocessing, limits: DecodeLimits = _DEFAULT_LIMITS
) -> Decoded:
    """Bring one picture to a tower's input size, in this process.

    `path` of the result is "-" for what came without one. The fingerprint of a PIL image or an
    array is that of its upright RGB pixels, its format "PIXELS". Raises UnreadableQueryImage,
    TypeError for what is no picture, ValueError for an array that is not [h, w, 3] or empty.
    Time and memory are not limited here.
    """
    path = Path(picture) if isinstance(picture, (str, os.PathLike)) else _NO_PATH
    try:
        if isinstance(picture, np.ndarray):
            return _decode_array(picture, preprocessing, limits)
        if isinstance(picture, bytes):
            return _decode_bytes(path, picture, preprocessing, limits)
        if path is not _NO_PATH:
            from clipsearch.images.reading import read_named

            return _decode_bytes(path, read_named(path, limits.max_bytes), preprocessing, limits)
        return _decode_pil(picture, preprocessing, limits)
    except Refused as refused:
        raise UnreadableQueryImage(Skip(path, refused.code, refused.reason)) from refused


def _decode_bytes(
    path: Path, data: bytes, preprocessing: Preprocessing, limits: DecodeLimits
) -> Decoded:
    from clipsearch.images.decode import content_hash, decode

    return Decoded(path, *decode(data, content_hash(data), preprocessing, limits))


def _decode_pil(picture: object, preprocessing: Preprocessing, limits: DecodeLimits) -> Decoded:
    from PIL import Image

    from clipsearch.images.colour import to_srgb
    from clipsearch.images.decode import upright
    from clipsearch.images.metadata import Exif
    from clipsearch.images.opening import hold_to_limits, refusal_at_decode

    if not isinstance(picture, Image.Image):
        raise TypeError(
            "a picture is a path, bytes, a PIL image or an array uint8 [h, w, 3], "
            f"not {type(picture).__name__}"
        )
    try:
        hold_to_limits(picture.size, limits)
        own = picture.copy()
        rgb, _ = to_srgb(own)
        shown = upright(rgb, Exif(own).orientation)
    except Exception as error:  # a PIL image may decode only now
        raise refusal_at_decode(error) from error
    return _decode_array(np.asarray(shown), preprocessing, limits)


def _decode_array(
    array: np.ndarray[Any, Any], preprocessing: Preprocessing, limits: DecodeLimits
) -> Decoded:
    from PIL import Image

    from clipsearch.images.decode import content_hash, to_pixels
    from clipsearch.images.opening import hold_to_limits

    pixels = _checked(array)
    height, width = pixels.shape[:2]
    hold_to_limits((width, height), limits)
    content = b"%d %d " % (width, height) + pixels.tobytes()
    info = ImageInfo(content_hash(content), "PIXELS", width, height, pixels.nbytes)
    return Decoded(_NO_PATH, info, to_pixels(Image.fromarray(pixels), preprocessing))


def _checked(array: np.ndarray[Any, Any]) -> Pixels:
    if array.dtype != np.uint8:
        raise TypeError(f"the array's type must be uint8, not {array.dtype}")
    if array.ndim != 3 or array.shape[2] != 3 or array.size == 0:
        raise ValueError(f"the array must be [h, w, 3] and not empty, not {list(array.shape)}")
    return np.ascontiguousarray(array)
