"""Views of a picture: whole, or cropped, mirrored, with another aspect and another light."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageOps

LEAST_AREA = 0.45
ASPECT_JITTER = 0.3
LIGHT_JITTER = 0.25

Pixels = NDArray[np.uint8]


def view_of(pixels: Pixels, view: int, random: np.random.Generator) -> Pixels:
    """Give view 0, the whole picture, or a random view.

    Pictures of a squashed collection have lost their aspect; the jitter stands for true ones.
    """
    if view == 0:
        return pixels
    cut = _crop(Image.fromarray(pixels), random)
    return np.asarray(_relight(cut, random), dtype=np.uint8)


def _crop(picture: Image.Image, random: np.random.Generator) -> Image.Image:
    """Cut out a random window, stretch it to the square and mirror it half of the time."""
    area = random.uniform(LEAST_AREA, 1.0)
    aspect = float(np.exp(random.uniform(-ASPECT_JITTER, ASPECT_JITTER)))
    width = min(1.0, float(np.sqrt(area * aspect)))
    height = min(1.0, float(np.sqrt(area / aspect)))
    left, top = random.uniform(0.0, 1.0 - width), random.uniform(0.0, 1.0 - height)
    side = picture.width
    window = (left * side, top * side, (left + width) * side, (top + height) * side)
    cut = picture.resize((side, side), Image.Resampling.BILINEAR, box=window)
    return ImageOps.mirror(cut) if random.random() < 0.5 else cut


def _relight(picture: Image.Image, random: np.random.Generator) -> Image.Image:
    """Change brightness, contrast and colour, each by up to a quarter."""
    low, high = 1.0 - LIGHT_JITTER, 1.0 + LIGHT_JITTER
    for change in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        picture = change(picture).enhance(random.uniform(low, high))
    return picture
