"""What a model's captions add to a search, where the answer is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from colour_towers import ColourTowers

from clipsearch import Caption
from clipsearch.caption_gain import CaptionGain, DescribedPictures, caption_gain
from clipsearch.towers import load_towers
from clipsearch.towers.pair import of_unit_length

GREY = 12
"""So many pictures look alike: their own cosines cannot tell them apart."""
WORDS: tuple[str, ...] = ("harbour", "kettle", "violin", "orchard", "lantern", "saddle")
WORDS += ("glacier", "teapot", "compass", "meadow", "anchor", "chimney")


def measured(said: dict[str, Caption]) -> CaptionGain:
    """Grey pictures, each with a person's caption that names what is in it and no colour."""
    tower = ColourTowers()
    images = tower.embed_images(np.full((GREY, 32, 32, 3), 128, np.uint8))
    people = [(f"an old {word}",) for word in WORDS]
    model = [(said[word],) if word in said else () for word in WORDS]
    return caption_gain(DescribedPictures(images, people, model), tower, lambda *_: None)


def by_model(text: str) -> Caption:
    return Caption(text, "generated:somebody-1")


def test_captions_that_name_what_is_in_a_picture_find_it() -> None:
    found = measured({word: by_model(f"the {word} of a village") for word in WORDS})
    assert found.alone[1] == pytest.approx(1 / GREY)  # equals stand in the order of the set
    assert found.with_captions[1] == 1.0
    assert found.gain[1].value == pytest.approx(1 - 1 / GREY)
    assert 0.5 < found.gain[1].low < found.gain[1].value <= found.gain[1].high == 1.0
    assert (found.pictures, found.captioned, found.queries) == (GREY, GREY, GREY)


def test_where_nothing_was_written_nothing_is_added() -> None:
    found = measured({})
    assert found.captioned == 0
    assert found.alone == found.with_captions
    assert all((each.value, each.low, each.high) == (0, 0, 0) for each in found.gain.values())


def test_captions_of_the_wrong_pictures_show_as_a_loss() -> None:
    said = {
        word: by_model(f"an old {other}")
        for word, other in zip(WORDS, WORDS[1:] + WORDS[:1], strict=True)
    }
    found = measured(said)
    assert found.with_captions[1] == 0
    assert found.gain[1].value < 0


def test_hubness_is_no_gain_of_captions(home: Path) -> None:
    """The built-in tower ranks by more than the cosine, with captions as without."""
    tower = load_towers("builtin", home)
    random = np.random.default_rng(0)
    images = of_unit_length(random.normal(size=(60, tower.identity.dim)))
    people = [(word,) for word in (WORDS * 5)]
    found = caption_gain(
        DescribedPictures(images, people, [()] * len(images)), tower, lambda *_: None
    )
    assert found.alone == found.with_captions
