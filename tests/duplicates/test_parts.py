"""The parts that duplicates are found with: sketches, turns, alignment, groups."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from clipsearch.duplicates.aligning import Floats
from clipsearch.duplicates.candidates import by_signatures, joined
from clipsearch.duplicates.comparing import likeness
from clipsearch.duplicates.grouping import stars
from clipsearch.duplicates.sketch import contrast, grey, signatures
from clipsearch.duplicates.turns import TURNS, turned, turned_all

NAMES = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg", "motorcycle_left.png")


@pytest.fixture(scope="module")
def opened(photographs: Path) -> list[PillowImage.Image]:
    return [PillowImage.open(photographs / name).convert("RGB") for name in NAMES]


def sketch(image: PillowImage.Image) -> np.ndarray:
    return grey(np.asarray(image.resize((32, 32), PillowImage.Resampling.BICUBIC)))


def greys(image: PillowImage.Image, side: int = 128) -> Floats:
    small = image.convert("L").resize((side, side), PillowImage.Resampling.BICUBIC)
    return np.asarray(small, np.float32)[np.newaxis, ..., np.newaxis]


def cropped(image: PillowImage.Image, left: float, top: float, part: float) -> PillowImage.Image:
    width, height = image.size
    box = (left * width, top * height, (left + part) * width, (top + part) * height)
    return image.crop(box)


def test_the_turns_are_eight_different_ones_and_agree() -> None:
    picture = np.arange(16, dtype=np.uint8).reshape(4, 4)
    every = turned_all(picture[np.newaxis])[0]
    assert len({each.tobytes() for each in every}) == TURNS
    for turn in range(TURNS):
        assert np.array_equal(turned(picture, turn), every[turn])


def test_a_signature_is_the_same_whichever_way_a_picture_is_turned(
    opened: list[PillowImage.Image],
) -> None:
    for image in opened:
        every = signatures(turned_all(sketch(image)[np.newaxis])[0])
        assert (every @ every.T).min() > 0.9999


def test_signatures_tell_photographs_apart(opened: list[PillowImage.Image]) -> None:
    found = signatures(np.stack([sketch(image) for image in opened]))
    cosines = found @ found.T - 2 * np.eye(len(found))
    assert cosines.max() < 0.97


def test_a_picture_of_one_grey_has_neither_signature_nor_contrast() -> None:
    flat = np.full((1, 32, 32), 200, np.uint8)
    assert not signatures(flat).any()
    assert contrast(flat).tolist() == [0.0]


def test_nothing_has_no_contrast_and_no_signature() -> None:
    none = np.empty((0, 32, 32), np.uint8)
    assert contrast(none).shape == (0,)
    assert signatures(none).shape == (0, 63)
    assert len(joined(by_signatures(signatures(none)))) == 0


@pytest.mark.parametrize("turn", range(TURNS))
def test_a_turned_copy_is_proposed_by_its_signature(
    turn: int, opened: list[PillowImage.Image]
) -> None:
    sketches = [sketch(image) for image in opened]
    sketches.append(turned(sketches[2], turn))
    pairs = joined(by_signatures(signatures(np.stack(sketches))))
    assert (2, 5) in zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)


def test_a_crop_is_laid_over_the_place_it_was_cut_from(opened: list[PillowImage.Image]) -> None:
    for image in opened:
        found = likeness(greys(image), greys(cropped(image, 0.03, 0.09, 0.88)))
        assert found.differences[0] < 0.5
        assert found.overlaps[0] == pytest.approx(0.88**2, abs=0.01)


def test_a_crop_is_found_whichever_of_the_two_it_is(opened: list[PillowImage.Image]) -> None:
    image = opened[0]
    whole, part = greys(image), greys(cropped(image, 0.1, 0.0, 0.9))
    assert likeness(part, whole).differences == pytest.approx(likeness(whole, part).differences)


def test_a_brighter_copy_differs_little_and_another_picture_much(
    opened: list[PillowImage.Image],
) -> None:
    image, other = opened[:2]
    brighter = image.point(lambda grey: min(255, round(grey * 1.3)))
    assert likeness(greys(image), greys(brighter)).differences[0] < 0.5
    assert likeness(greys(image), greys(other)).differences[0] > 1


def test_a_negative_is_no_copy(opened: list[PillowImage.Image]) -> None:
    image = opened[0]
    negative = image.point(lambda grey: 255 - grey)
    assert likeness(greys(image), greys(negative)).differences[0] > 1


def test_the_two_pictures_of_a_stereo_camera_differ(photographs: Path) -> None:
    left, right = (
        PillowImage.open(photographs / f"motorcycle_{side}.png") for side in ("left", "right")
    )
    assert likeness(greys(left), greys(right)).differences[0] > 0.6


def test_groups_are_stars_and_never_chains() -> None:
    chain = {1: [2], 2: [1, 3], 3: [2, 4], 4: [3]}
    assert stars([1, 2, 3, 4], chain) == [(1, [2]), (3, [4])]


def test_the_first_in_rank_is_kept() -> None:
    assert stars([3, 1, 2], {1: [2, 3], 2: [1], 3: [1]}) == [(3, [1])]
    assert stars([2, 1, 3], {1: [2, 3], 2: [1], 3: [1]}) == [(2, [1])]
