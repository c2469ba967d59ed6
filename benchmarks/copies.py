"""Copies of pictures as people make them, and other moments as cameras take them."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

Random = np.random.Generator
Edit = Callable[[Image.Image, Random], bytes]
Pillow = Image.Image


def encoded(image: Pillow, form: str = "JPEG", quality: int = 85) -> bytes:
    stream = BytesIO()
    image.save(stream, form, quality=quality)
    return stream.getvalue()


def resized(image: Pillow, part: float) -> Pillow:
    return image.resize((round(image.width * part), round(image.height * part)))


def cropped(image: Pillow, part: float, random: Random) -> Pillow:
    """What is left when `part` of the width and of the height is cut off, somewhere."""
    width, height = (round(side * (1 - part)) for side in image.size)
    left = int(random.integers(0, image.width - width + 1))
    top = int(random.integers(0, image.height - height + 1))
    return image.crop((left, top, left + width, top + height))


def framed(image: Pillow, colour: str) -> Pillow:
    return ImageOps.expand(image, round(0.04 * image.width), colour)


def brighter(image: Pillow, factor: float) -> Pillow:
    return ImageEnhance.Brightness(image).enhance(factor)


COPIES: dict[str, Edit] = {
    "JPEG quality 90": lambda image, _: encoded(image, quality=90),
    "JPEG quality 60": lambda image, _: encoded(image, quality=60),
    "JPEG quality 30": lambda image, _: encoded(image, quality=30),
    "WebP quality 60": lambda image, _: encoded(image, "WEBP", 60),
    "resized to 0.9": lambda image, _: encoded(resized(image, 0.9)),
    "resized to 0.5": lambda image, _: encoded(resized(image, 0.5)),
    "resized to 0.25": lambda image, _: encoded(resized(image, 0.25)),
    "cropped by 2 %": lambda image, random: encoded(cropped(image, 0.02, random)),
    "cropped by 5 %": lambda image, random: encoded(cropped(image, 0.05, random)),
    "cropped by 10 %": lambda image, random: encoded(cropped(image, 0.10, random)),
    "cropped by 15 %": lambda image, random: encoded(cropped(image, 0.15, random)),
    "turned by 90": lambda image, _: encoded(image.transpose(Image.Transpose.ROTATE_90)),
    "turned by 180": lambda image, _: encoded(image.transpose(Image.Transpose.ROTATE_180)),
    "turned by 270": lambda image, _: encoded(image.transpose(Image.Transpose.ROTATE_270)),
    "mirrored": lambda image, _: encoded(ImageOps.mirror(image)),
    "brightness 0.7": lambda image, _: encoded(brighter(image, 0.7)),
    "brightness 1.3": lambda image, _: encoded(brighter(image, 1.3)),
    "white frame": lambda image, _: encoded(framed(image, "white")),
    "black frame": lambda image, _: encoded(framed(image, "black")),
}

MOMENTS = ("something moved", "something else, 12 % wide", "something else, 20 % wide")


def another_moment(image: Pillow, kind: str, other: Pillow, random: Random) -> bytes:
    """The same place again: the camera moved by 4 %, its noise is new, and something changed.

    What changed is a round part: it moved by half its size, or comes from another picture.
    """
    scene = image.copy()
    side = round((0.12 if "12" in kind else 0.2) * scene.width)
    left, top = (int(random.integers(0, length - side)) for length in scene.size)
    if kind == MOMENTS[0]:
        part = scene.crop((left, top, left + side, top + side))
        place = min(left + side // 2, scene.width - side), max(top - side // 5, 0)
    else:
        from_left, from_top = (int(random.integers(0, length - side)) for length in other.size)
        part = other.crop((from_left, from_top, from_left + side, from_top + side))
        place = left, top
    scene.paste(part, place, _round_mask(side))
    shifted = np.asarray(cropped(scene, 0.04, random), np.float32)
    noisy = shifted + random.normal(0, 4, shifted.shape)
    return encoded(Image.fromarray(noisy.clip(0, 255).astype(np.uint8)))


def _round_mask(side: int) -> Pillow:
    y, x = np.mgrid[:side, :side]
    distance = np.hypot(x - side / 2, y - side / 2) / (side / 2)
    return Image.fromarray((255 * np.clip((1 - distance) * 3, 0, 1)).astype(np.uint8))
