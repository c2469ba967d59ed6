"""The captioner inside the package."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from clipsearch.captioning import Captioner
from clipsearch.images import Picture, decode_picture
from clipsearch.towers.builtin import BUILTIN_FOLDER


def test_it_fits_the_built_in_tower_and_is_small() -> None:
    assert Captioner().source == "generated:builtin-captioner-5"
    assert sum(path.stat().st_size for path in BUILTIN_FOLDER.glob("captioner.*")) < 20e6


def test_it_is_sure_of_no_picture_without_content(photographs: Path) -> None:
    captioner = Captioner(threads=1)
    one_pixel = np.array([[[200, 30, 30]]], np.uint8)
    empty = [np.zeros((40, 60, 3), np.uint8), np.full((40, 60, 3), 255, np.uint8), one_pixel]
    shown = [photographs / name for name in ("astronaut.png", "coffee.png", "motorcycle_left.png")]
    given: list[Picture] = [*empty, *shown]
    pixels = [decode_picture(each, captioner.preprocessing).pixels for each in given]
    captions = captioner.write(np.stack(pixels))
    sure = [each.confidence or 0.0 for each in captions]
    assert max(sure[: len(empty)]) < 0.01 < 0.05 < min(sure[len(empty) :])
    assert all(each.text for each in captions)
