"""Queries in letters that a tower cannot read."""

from __future__ import annotations

import pytest
from colour_towers import ColourTowers

from clipsearch.errors import UnreadableScript
from clipsearch.towers import check_readable


@pytest.mark.parametrize(
    "text",
    [
        "a red dog",
        "café Ünïcødé",
        "2024 😀 !!",
        "",
        "ｆｕｌｌ width",
        "x² ½ №5",
        "1 犬 and two dogs",
    ],
)
def test_latin_letters_digits_and_emoji_are_read(text: str) -> None:
    check_readable(text, ColourTowers())


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("красная собака", "Cyrillic"),
        ("犬", "Chinese"),
        ("ひらがな", "Hiragana"),
        ("빨간 개", "Hangul"),
        ("كلب أحمر", "Arabic"),
        ("κόκκινος σκύλος", "Greek"),
        ("dog красная собака", "Cyrillic"),
    ],
)
def test_mainly_other_letters_are_refused_by_name(text: str, script: str) -> None:
    with pytest.raises(UnreadableScript) as refused:
        check_readable(text, ColourTowers())
    assert refused.value.script == script
    assert refused.value.languages == ("en",)


def test_a_tower_of_any_language_refuses_nothing() -> None:
    check_readable("красная собака", ColourTowers(languages=()))
