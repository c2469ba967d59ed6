"""Brings a picture to a tower's input size, pixel for pixel as open_clip does.

Source: `open_clip.transform.image_transform` (validation) and the torchvision functions under
it, for PIL images.
"""

from __future__ import annotations

from PIL import Image

from clipsearch.values import Preprocessing

_FILTERS = {
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
}


def resized_size(width: int, height: int, preprocessing: Preprocessing) -> tuple[int, int]:
    """(width, height) to which a picture is scaled, before it is cropped or padded."""
    target_width, target_height = preprocessing.width, preprocessing.height
    if preprocessing.mode == "squash":
        return target_width, target_height
    if preprocessing.mode == "shortest" and target_width == target_height:
        return _by_shorter_side(width, height, target_width)
    ratios = height / target_height, width / target_width
    ratio = min(ratios) if preprocessing.mode == "shortest" else max(ratios)
    if preprocessing.mode == "within":
        ratio = max(ratio, 1.0)
    return max(round(width / ratio), 1), max(round(height / ratio), 1)


def resize(image: Image.Image, preprocessing: Preprocessing) -> Image.Image:
    """Scale an RGB picture, then crop or pad its centre to the tower's height and width.

    `within` leaves it as it is scaled.
    """
    size = resized_size(*image.size, preprocessing)
    # open_clip scales for oblong towers in `shortest` mode with bicubic, whatever is asked.
    oblong = preprocessing.height != preprocessing.width
    forced = preprocessing.mode == "shortest" and oblong
    scaled = image.resize(size, _FILTERS["bicubic" if forced else preprocessing.interpolation])
    return scaled if preprocessing.mode == "within" else _fit(scaled, preprocessing)


def _by_shorter_side(width: int, height: int, target: int) -> tuple[int, int]:
    if width <= height:
        return target, max(int(target * height / width), 1)
    return max(int(target * width / height), 1), target


def _fit(image: Image.Image, preprocessing: Preprocessing) -> Image.Image:
    """Pad what is too small with `fill`, crop what is too large, about the centre."""
    width, height = preprocessing.width, preprocessing.height
    if image.size == (width, height):
        return image
    if image.width < width or image.height < height:
        image = _padded(image, max(width, image.width), max(height, image.height), preprocessing)
    left = round((image.width - width) / 2.0)
    top = round((image.height - height) / 2.0)
    return image.crop((left, top, left + width, top + height))


def _padded(
    image: Image.Image, width: int, height: int, preprocessing: Preprocessing
) -> Image.Image:
    canvas = Image.new("RGB", (width, height), (preprocessing.fill,) * 3)
    canvas.paste(image, ((width - image.width) // 2, (height - image.height) // 2))
    return canvas
