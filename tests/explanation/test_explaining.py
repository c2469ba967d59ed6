"""Heat maps in the picture's own terms: which area, which box, which words."""

from __future__ import annotations

import io

import numpy as np
import pytest
from colour_towers import ColourTowers
from PIL import Image

from clipsearch.errors import EmptyQuery
from clipsearch.explanation import Area, draw, explain, heat_png
from clipsearch.explanation.area import area_seen, spread
from clipsearch.explanation.regions import Box, box_of, content_words
from clipsearch.values import Preprocessing

WHOLE = Area(0.0, 0.0, 1.0, 1.0)


def preprocessing(mode: str) -> Preprocessing:
    nothing = (0.0, 0.0, 0.0)
    return Preprocessing(100, 100, mode, "bilinear", nothing, nothing)  # type: ignore[arg-type]


def two_colours() -> Image.Image:
    """Red on the left, blue on the right, 64 x 32."""
    picture = Image.new("RGB", (64, 32), "red")
    picture.paste("blue", (32, 0, 64, 32))
    return picture


def test_a_squashed_picture_is_seen_whole() -> None:
    assert area_seen(300, 100, preprocessing("squash")) == WHOLE


def test_of_a_wide_picture_only_the_middle_is_seen_where_the_tower_crops() -> None:
    area = area_seen(400, 100, preprocessing("shortest"))
    assert (area.left, area.right, area.top, area.bottom) == (0.375, 0.625, 0.0, 1.0)


def test_a_padded_picture_is_seen_with_what_is_around_it() -> None:
    area = area_seen(200, 100, preprocessing("longest"))
    assert (area.left, area.right, area.top, area.bottom) == (0.0, 1.0, -0.5, 1.5)


def test_what_the_tower_does_not_see_has_no_heat() -> None:
    heat = spread(np.ones((2, 2), np.float32), Area(0.25, 0.0, 0.75, 1.0), 4, 8)
    assert np.isnan(heat[0]).tolist() == [True, True, False, False, False, False, True, True]


def test_the_box_lies_around_the_greatest_value() -> None:
    values = np.zeros((4, 4), np.float32)
    values[0, 3] = 1.0
    values[3, 0] = 0.9  # apart from it
    box = box_of(values, WHOLE, (400, 200))
    assert box is not None
    assert box.left > 250
    assert box.left + box.width == 400
    assert (box.top, box.height < 80) == (0, True)


@pytest.mark.parametrize("value", [0.0, 1.0, -1.0])
def test_a_flat_map_has_no_box(value: float) -> None:
    assert box_of(np.full((4, 4), value, np.float32), WHOLE, (10, 10)) is None


def test_words_that_name_nothing_have_no_region() -> None:
    assert content_words("A photo of the dog, on a dog's red sofa.") == [
        "dog",
        "dog's",
        "red",
        "sofa",
    ]


def test_each_word_finds_its_own_half() -> None:
    found = explain(ColourTowers(), two_colours(), "red and blue", words=True)
    red, blue = found.words
    assert isinstance(red.box, Box)
    assert isinstance(blue.box, Box)
    assert red.box.left + red.box.width <= 40
    assert blue.box.left >= 24
    assert (found.width, found.height, found.method) == (64, 32, "occlusion")


def test_the_score_is_that_of_the_whole_picture() -> None:
    found = explain(ColourTowers(), Image.new("RGB", (8, 8), "red"), "red")
    assert found.score == pytest.approx(1.0, abs=1e-5)


def test_a_picture_of_one_colour_has_no_box() -> None:
    found = explain(ColourTowers(), Image.new("RGB", (8, 8), "red"), "red", words=True)
    assert found.words[0].box is None


def test_an_empty_text_is_refused() -> None:
    with pytest.raises(EmptyQuery):
        explain(ColourTowers(), two_colours(), "  ")


def test_the_drawing_is_brightest_where_the_word_is() -> None:
    picture = Image.new("RGB", (64, 32), (128, 128, 128))
    picture.paste("red", (0, 0, 32, 32))
    sheet = np.asarray(draw(explain(ColourTowers(), picture, "red"), picture).convert("L"))
    shown = sheet[40:]
    assert shown[:, :150].mean() > shown[:, -150:].mean() + 20


def test_the_heat_of_a_page_is_a_small_picture_with_transparency() -> None:
    png = heat_png(explain(ColourTowers(), two_colours(), "red"))
    with Image.open(io.BytesIO(png)) as opened:
        assert (opened.format, opened.size) == ("PNG", (48, 24))
        assert opened.has_transparency_data
    assert len(png) < 4_000
