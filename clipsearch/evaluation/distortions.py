"""What happens to pictures on their way: the same for every tower, on its own input pixels."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageFilter

from clipsearch.evaluation.embedding import Distort
from clipsearch.values import Pixels

JPEG_QUALITY, BLUR_RADIUS, NOISE, CROPPED, DEGREES = 15, 2.0, 25.0, 0.6, 20.0
One = Callable[[Image.Image], Image.Image]


def distortions() -> dict[str, Distort]:
    """Each distortion by its name, with its strength fixed above."""
    return {
        "jpeg": _each(_jpeg),
        "blur": _each(lambda image: image.filter(ImageFilter.GaussianBlur(BLUR_RADIUS))),
        "noise": _noise,
        "crop": _each(_crop),
        "rotation": _each(_rotate),
        "grey": _each(lambda image: image.convert("L").convert("RGB")),
    }


def _each(one: One) -> Distort:
    def distort(pixels: Pixels) -> Pixels:
        return np.stack([np.asarray(one(Image.fromarray(each)), np.uint8) for each in pixels])

    return distort


def _jpeg(image: Image.Image) -> Image.Image:
    encoded = io.BytesIO()
    image.save(encoded, "JPEG", quality=JPEG_QUALITY)
    return Image.open(encoded)


def _noise(pixels: Pixels) -> Pixels:
    """Add normal noise, the same at every run."""
    grain = np.random.default_rng(0).normal(0, NOISE, pixels.shape)
    return np.clip(np.rint(pixels + grain), 0, 255).astype(np.uint8)


def _crop(image: Image.Image) -> Image.Image:
    """Keep the middle, as large as the whole was."""
    width, height = image.size
    left, top = width * (1 - CROPPED) / 2, height * (1 - CROPPED) / 2
    box = (left, top, width - left, height - top)
    return image.resize(image.size, Image.Resampling.BICUBIC, box=box)


def _rotate(image: Image.Image) -> Image.Image:
    return image.rotate(DEGREES, Image.Resampling.BICUBIC, fillcolor=(128, 128, 128))
