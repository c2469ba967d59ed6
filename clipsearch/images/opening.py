"""Opens bytes as a picture: header only, allowed formats only, limits before pixels."""

from __future__ import annotations

from importlib import import_module
from io import BytesIO

from PIL import Image, UnidentifiedImageError, features
from PIL.ImageFile import ImageFile

from clipsearch.images.formats import ends_early, real_format
from clipsearch.images.limits import DecodeLimits
from clipsearch.refused import Refused
from clipsearch.values import SkipCode

# Importing the one plugin needed keeps `Image.open` from importing all forty.
_PLUGINS = {
    "JPEG": "JpegImagePlugin",
    "PNG": "PngImagePlugin",
    "GIF": "GifImagePlugin",
    "WEBP": "WebPImagePlugin",
    "TIFF": "TiffImagePlugin",
    "BMP": "BmpImagePlugin",
    "JPEG2000": "Jpeg2KImagePlugin",
    "AVIF": "AvifImagePlugin",
}
_CODECS = {"JPEG": "jpg", "PNG": "zlib", "WEBP": "webp", "JPEG2000": "jpg_2000", "AVIF": "avif"}


def open_image(data: bytes, limits: DecodeLimits) -> ImageFile:
    """Read the header of a picture; no pixel is decoded yet.

    Raises Refused: not_an_image, truncated, format_not_allowed, missing_codec, bad_metadata,
    too_large, bad_ratio; MemoryError.
    """
    name = real_format(data)
    if name in _CODECS and not features.check(_CODECS[name]):
        raise Refused(SkipCode.MISSING_CODEC, f"this Pillow was built without {name}")
    try:
        image = _open_heif(data) if name == "HEIF" else _open_with_pillow(data, name)
    except (Refused, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise Refused(SkipCode.TOO_LARGE, "more pixels than the limit") from error
    except Exception as error:
        raise _refusal_at_open(data, name, error) from error
    hold_to_limits(image.size, limits)
    return image


def _open_with_pillow(data: bytes, name: str) -> ImageFile:
    import_module(f"PIL.{_PLUGINS[name]}")
    return Image.open(BytesIO(data), formats=[name])


def _open_heif(data: bytes) -> ImageFile:
    """Open with pillow-heif, imported here: few collections hold HEIC, and it takes its time."""
    try:
        from pillow_heif import HeifImageFile
    except ImportError as error:
        raise Refused(SkipCode.MISSING_CODEC, "HEIC needs pillow-heif") from error
    image: ImageFile = HeifImageFile(BytesIO(data))  # type: ignore[no-untyped-call]
    return image


def _refusal_at_open(data: bytes, name: str, error: Exception) -> Refused:
    if ends_early(data, name):
        return Refused(SkipCode.TRUNCATED, "the file ends early")
    if isinstance(error, (UnidentifiedImageError, SyntaxError)):
        return Refused(
            SkipCode.NOT_AN_IMAGE,
            f"it begins like {name}, but is cut, damaged or of an unknown kind",
        )
    return refusal_at_decode(error)


def refusal_at_decode(error: Exception) -> Refused:
    """What an exception of a decoder means for the picture."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, MemoryError):
        return Refused(SkipCode.MEMORY, "decoding it takes more memory than the limit")
    words = str(error)[:200]
    # Pillow's guard against decompression bombs in PNG texts and profiles.
    if isinstance(error, ValueError) and ("text chunk" in words or "too large for" in words):
        return Refused(SkipCode.BAD_METADATA, "its texts unpack to more than the limit")
    if isinstance(error, OSError) and words.endswith("not available"):
        return Refused(SkipCode.MISSING_CODEC, f"this Pillow lacks a part: {words}")
    return Refused(SkipCode.TRUNCATED, f"its data end early or are damaged: {words}")


def hold_to_limits(size: tuple[int, int], limits: DecodeLimits) -> None:
    """Raise Refused for a size (width, height) beyond the limits, or for an empty one."""
    width, height = size
    if width < 1 or height < 1:
        raise Refused(SkipCode.NOT_AN_IMAGE, f"it is {width} x {height} pixels")
    if width * height > limits.max_megapixels * 1e6:
        reason = f"{width} x {height} pixels; the limit is {limits.max_megapixels:g} megapixels"
        raise Refused(SkipCode.TOO_LARGE, reason)
    if max(size) > limits.max_ratio * min(size):
        reason = f"{width} x {height} pixels; the limit is {limits.max_ratio:g} to 1"
        raise Refused(SkipCode.BAD_RATIO, reason)
