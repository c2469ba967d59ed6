"""What a model's captions add to a search, where the answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from colour_towers import ColourTowers

from clipsearch import Caption
from clipsearch.caption_gain import CaptionGain, caption_gain
from clipsearch.captions import CaptionedPicture
from clipsearch.evaluation import PLAIN, EmbeddedSet

GREY = 12
"""So many pictures look alike: their own cosines cannot tell them apart."""
WORDS: tuple[str, ...] = ("harbour", "kettle", "violin", "orchard", "lantern", "saddle")
WORDS += ("glacier", "teapot", "compass", "meadow", "anchor", "chimney")


def alike(tower: ColourTowers) -> EmbeddedSet:
    """Grey pictures, each with a person's caption that names what is in it and no colour."""

    def read() -> bytes:
        raise AssertionError("no picture is read again")

    pictures = tuple(CaptionedPicture(word, (f"an old {word}",), read) for word in WORDS)
    pixels = np.full((GREY, 32, 32, 3), 128, np.uint8)
    texts = tuple(text for picture in pictures for text in picture.captions)
    return EmbeddedSet(
        pictures=pictures,
        images={PLAIN: tower.embed_images(pixels)},
        captions=tower.embed_texts(texts),
        owner=np.arange(GREY, dtype=np.int64),
        texts=texts,
        skips=(),
    )


def measured(said: dict[str, list[Caption]]) -> CaptionGain:
    tower = ColourTowers()
    return caption_gain(alike(tower), said, tower, lambda *_: None)


def by_model(text: str) -> Caption:
    return Caption(text, "generated:somebody-1")


def test_captions_that_name_what_is_in_a_picture_find_it() -> None:
    found = measured({word: [by_model(f"the {word} of a village")] for word in WORDS})
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
        word: [by_model(f"an old {other}")]
        for word, other in zip(WORDS, WORDS[1:] + WORDS[:1], strict=True)
    }
    found = measured(said)
    assert found.with_captions[1] == 0
    assert found.gain[1].value < 0
