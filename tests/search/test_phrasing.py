"""Short words are asked for in sentences, and everything else as it stands."""

from __future__ import annotations

import numpy as np
import pytest
from colour_towers import ColourTowers

from clipsearch import Words
from clipsearch.search import embedded_as, query_embedding
from clipsearch.search.phrasing import with_article

TOWER = ColourTowers()


@pytest.mark.parametrize("text", ["dog", "Dog", "old car", "t-shirt", "red fire truck", "café"])
def test_one_to_three_bare_words_are_put_into_sentences(text: str) -> None:
    sentences = embedded_as(Words(text), TOWER)
    assert len(sentences) == 3
    assert all(text in sentence for sentence in sentences)
    assert text not in sentences


@pytest.mark.parametrize(
    "text",
    [
        "a dog",
        "two dogs",
        "dogs on grass",
        "it is red",
        "dog photo",
        "a dog running through the grass",
        "large brown dog standing",
        "2019",
        "IMG_0042",
        '"dog"',
        "собака",
        "狗",
        "",
    ],
)
def test_a_phrase_a_number_or_another_script_stays_as_it_stands(text: str) -> None:
    assert embedded_as(Words(text), TOWER) == (text,)


def test_an_exact_text_stays_as_it_stands() -> None:
    assert embedded_as(Words("dog", exact=True), TOWER) == ("dog",)


def test_a_tower_of_many_languages_is_asked_for_the_words_alone() -> None:
    assert embedded_as(Words("dog"), ColourTowers(languages=())) == ("dog",)


def test_a_tower_may_have_templates_of_its_own() -> None:
    tower = ColourTowers(languages=("de",))
    tower.templates = ("ein Bild: {}", "{a}")
    assert embedded_as(Words("Hund"), tower) == ("ein Bild: Hund", "a Hund")


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("dog", "a dog"),
        ("old car", "an old car"),
        ("bus", "a bus"),
        ("glass", "a glass"),
        ("dogs", "dogs"),
        ("brown dogs", "brown dogs"),
        ("people", "people"),
        ("surfing", "surfing"),
    ],
)
def test_several_and_doings_take_no_article(words: str, named: str) -> None:
    assert with_article(words) == named


def test_the_mean_of_the_sentences_is_looked_for_and_has_unit_length() -> None:
    tower = ColourTowers()
    tower.templates = ("red {}", "blue {}")
    found = query_embedding([Words("dog")], tower)
    red, blue = tower.embed_texts(["red", "blue"])
    assert np.allclose(found, (red + blue) / np.linalg.norm(red + blue), atol=1e-6)
