"""Views of pictures are the same for every image tower."""

from pathlib import Path

import numpy as np
from PIL import Image

from clipsearch.training.views import View

NAMES = ("set/a.png", "set/b.png", "set/c.png")


def _data(folder: Path) -> Path:
    (folder / "set").mkdir()
    ramp = np.linspace(0, 255, 64).astype(np.uint8)
    for turn, name in enumerate(NAMES):
        pixels = np.stack(
            [
                np.tile(ramp, (64, 1)),
                np.tile(ramp[:, None], (1, 64)),
                np.full((64, 64), 60 * turn, np.uint8),
            ],
            -1,
        )
        Image.fromarray(pixels).save(folder / name)
    return folder


def test_the_first_view_is_the_whole_picture(tmp_path: Path) -> None:
    data = _data(tmp_path)
    (first, *_) = View(data, NAMES, 64).pixels()
    assert np.array_equal(first, np.asarray(Image.open(data / NAMES[0])))


def test_the_windows_are_the_same_in_every_size(tmp_path: Path) -> None:
    large = View(_data(tmp_path), NAMES, 64, number=2, seed=5)
    for one, other in zip(large.pixels(), large.of_side(32).pixels(), strict=True):
        assert one.shape == (64, 64, 3)
        assert other.shape == (32, 32, 3)
        halved = one.reshape(32, 2, 32, 2, 3).mean((1, 3))
        assert np.abs(halved - other).mean() < 4


def test_views_and_seeds_differ(tmp_path: Path) -> None:
    data = _data(tmp_path)
    views = [View(data, NAMES, 32, number, seed) for number, seed in ((1, 0), (2, 0), (1, 1))]
    first, *others = [np.stack(list(each.pixels())) for each in views]
    assert all(np.abs(first.astype(float) - each).mean() > 4 for each in others)
