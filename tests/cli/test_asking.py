"""How the words of a command line are understood."""

from __future__ import annotations

from pathlib import Path

import pytest

from clipsearch import Likeness, Words
from clipsearch.cli.asking import described, minus_part, picture_part, query_parts, words_part


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("dog", Words("dog", 1.0)),
        ("2:dog", Words("dog", 2.0)),
        ("0.5:a dog on the beach", Words("a dog on the beach", 0.5)),
        (".5:dog", Words("dog", 0.5)),
        ("16:9 screen", Words("16:9 screen", 1.0)),
        ("3:10 to Yuma", Words("3:10 to Yuma", 1.0)),
        ("2: the sequel", Words("2: the sequel", 1.0)),
        ("dog:2", Words("dog:2", 1.0)),
        ("2:", Words("2:", 1.0)),
        ("-2:dog", Words("-2:dog", 1.0)),
    ],
)
def test_a_number_and_a_colon_weigh_a_text_unless_a_digit_or_space_follows(
    text: str, part: Words
) -> None:
    assert words_part(text) == part


def test_bare_words_are_one_text() -> None:
    assert query_parts(["a", "dog"], [], [], []) == [Words("a dog")]


def test_a_picture_may_be_weighed(tmp_path: Path) -> None:
    assert picture_part("0.5:./7.jpg") == Likeness(Path("7.jpg"), 0.5)


def test_a_file_whose_name_looks_like_a_weight_is_that_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("2:7.jpg").touch()
    assert picture_part("2:7.jpg") == Likeness(Path("2:7.jpg"), 1.0)


def test_minus_is_a_picture_where_a_file_of_that_name_stands(tmp_path: Path) -> None:
    picture = tmp_path / "snow"
    picture.touch()
    assert minus_part(str(picture)) == Likeness(picture, -1.0)
    assert minus_part(f"2:{picture}") == Likeness(picture, -2.0)
    assert minus_part("snow") == Words("snow", -1.0)
    assert minus_part("2:snow") == Words("snow", -2.0)


def test_a_part_is_described_in_a_few_words() -> None:
    assert described(Words("dog")) == "dog"
    assert described(Words("dog", 2)) == "2 × dog"
    assert described(Likeness(Path("/a/b.jpg"), -1)) == "not b.jpg"
