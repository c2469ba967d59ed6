"""Makes folders of photographs to time with: crops of scikit-image's, each different."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

NAMES = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "motorcycle_left.png")


def write_photographs(folder: Path, count: int, size: tuple[int, int], quality: int = 90) -> None:
    """Write `count` JPEGs of `size` (width, height) unless they stand there already."""
    import skimage

    folder.mkdir(parents=True, exist_ok=True)
    if len(list(folder.glob("*.jpg"))) == count:
        return
    data = Path(skimage.__file__).parent / "data"
    sources = [Image.open(data / name).convert("RGB") for name in NAMES]
    random = np.random.default_rng(0)
    for number in range(count):
        crop = _crop(sources[number % len(sources)], size, random)
        crop.save(folder / f"{number:05}.jpg", quality=quality)


def _crop(image: Image.Image, size: tuple[int, int], random: np.random.Generator) -> Image.Image:
    """A random part of a photograph with the aspect of `size`, brought to it, with some grain."""
    width, height = size
    share = random.uniform(0.6, 1.0)
    scale = share * min(image.width / width, image.height / height)
    cut = (scale * width, scale * height)
    left = random.uniform(0, image.width - cut[0])
    top = random.uniform(0, image.height - cut[1])
    box = (left, top, left + cut[0], top + cut[1])
    enlarged = image.resize(size, Image.Resampling.BICUBIC, box=box)
    grain = random.normal(0, 4, (height // 4 + 1, width // 4 + 1, 3)).repeat(4, 0).repeat(4, 1)
    noisy = np.asarray(enlarged, np.float32) + grain[:height, :width]
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))
