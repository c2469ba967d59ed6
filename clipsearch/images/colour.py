"""Brings every kind of pixel to sRGB, eight bits a channel."""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

BACKGROUND = (255, 255, 255)
"""What shows through transparent pixels: the paper of most pages and viewers."""

_LARGEST_PROFILE = 4 << 20  # bytes; some are kept, and those of printers reach 3 MB

_DEEP = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")


class _BadProfile(Exception):
    """The profile cannot be used with the picture."""


def to_srgb(image: Image.Image) -> tuple[Image.Image, tuple[str, ...]]:
    """The picture as RGB uint8 in sRGB, and notes ("bad_icc_profile").

    Transparency is laid on BACKGROUND. Greys of more than eight bits are scaled, not clipped:
    0 to 65535 and 0.0 to 1.0 to the whole range, anything else from its least to its greatest.
    """
    profile = image.info.get("icc_profile")
    if not profile or image.mode not in ("RGB", "RGBA", "RGBX", "CMYK", "P"):
        return _to_rgb(image), ()
    try:
        if len(profile) > _LARGEST_PROFILE:
            raise _BadProfile
        transform = _transform(bytes(profile), "CMYK" if image.mode == "CMYK" else "RGB")
    except Exception:  # lcms and its binding raise four kinds; none concerns the pixels
        return _to_rgb(image), ("bad_icc_profile",)
    source = image if image.mode == "CMYK" else _to_rgb(image)
    if transform is None:
        return _to_rgb(source), ()
    return ImageCms.applyTransform(source, transform) or _to_rgb(source), ()


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode in _DEEP:
        return Image.fromarray(_eight_bits(np.asarray(image))).convert("RGB")
    if image.mode == "LAB":
        return _lab_to_rgb(image)
    if not image.has_transparency_data:
        return image.convert("RGB")
    rgba = image.convert("RGBA")
    flat = Image.new("RGB", rgba.size, BACKGROUND)
    flat.paste(rgba, mask=rgba.getchannel("A"))
    return flat


def _eight_bits(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    numbers = np.nan_to_num(values.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(numbers.min()), float(numbers.max())
    if values.dtype.kind == "f":
        low, high = (0.0, 1.0) if low >= 0 and high <= 1 else (low, high)
    elif low >= 0 and high <= 65535:
        low, high = 0.0, 65535.0
    numbers -= low
    numbers *= 255.0 / max(high - low, 1e-30)
    return np.rint(numbers).clip(0, 255).astype(np.uint8)


def _lab_to_rgb(image: Image.Image) -> Image.Image:
    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    transform = ImageCms.buildTransform(lab, srgb, "LAB", "RGB")
    return ImageCms.applyTransform(image, transform) or image


@lru_cache(maxsize=16)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """The way from a profile to sRGB; None if the way is so short that nobody sees it."""
    source = ImageCms.ImageCmsProfile(BytesIO(profile))
    srgb = ImageCms.createProfile("sRGB")
    transform = ImageCms.buildTransform(source, srgb, mode, "RGB")
    if mode == "CMYK":
        return transform
    probe = Image.fromarray(_probe_colours())
    moved = ImageCms.applyTransform(probe, transform)
    if moved is None:
        raise _BadProfile
    change = np.abs(np.asarray(moved).astype(np.int16) - np.asarray(probe))
    return None if change.max() <= 2 else transform


def _probe_colours() -> NDArray[np.uint8]:
    """Greys and the corners and middles of the colour cube: uint8 [1, n, 3]."""
    steps = np.array([0, 32, 64, 128, 192, 255], np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1)
    return cube.reshape(1, -1, 3)
