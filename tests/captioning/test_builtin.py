"""The captioner inside the package."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from clipsearch.captioning import Captioner
from clipsearch.images import Picture, decode_picture
from clipsearch.towers.builtin import BUILTIN_FOLDER


def test_it_fits_the_built_in_tower_and_is_small() -> None:
    assert Captioner().source == "generated:builtin-captioner-6"
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


def test_of_the_captions_that_end_the_one_is_said_that_fits_the_picture(
    photographs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    captioner = Captioner(threads=1)
    names = ("chelsea.png", "coffee.png", "rocket.jpg", "motorcycle_left.png")
    given = [decode_picture(photographs / each, captioner.preprocessing) for each in names]
    pixels = np.stack([each.pixels for each in given])
    fits = []
    for weight in (0.0, 1000.0):
        monkeypatch.setattr("clipsearch.captioning.captioner.FIT", weight)
        fits.append([fit for _, (*_, fit) in captioner.weighed(pixels)])
    by_words, by_fit = fits
    assert all(own <= best for own, best in zip(by_words, by_fit, strict=True))
    assert by_words != by_fit
