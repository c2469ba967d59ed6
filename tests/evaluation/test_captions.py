"""Captions measured, by a writer whose words are known."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

import pytest
from colour_towers import ColourTowers

from clipsearch.caption_writing import USUAL, Manner, WrittenCaption
from clipsearch.captions import CaptionedSet, read_captioned
from clipsearch.evaluation import caption_page, concordance, evaluate_captions
from clipsearch.evaluation_errors import NothingToMeasure
from clipsearch.values import Pixels


class ColourWriter:
    """Names the strongest of red, green and blue; sure of red only."""

    source = "generated:colours-1"
    preprocessing = ColourTowers().preprocessing
    batch = 2

    def write(self, pictures: Iterable[Pixels], manner: Manner = USUAL) -> list[WrittenCaption]:
        names = ("red", "green", "blue")
        found = [names[int(each.mean(axis=(0, 1)).argmax())] for each in pictures]
        return [WrittenCaption(f"A {n} wall <b>", 0.9 if n == "red" else 0.2) for n in found]


@pytest.fixture
def data(pictures: Path, paint: object) -> CaptionedSet:
    """Walls of three colours; nobody calls the blue one a wall, and one file is broken."""
    rows = ["filepath,title", "red.png,a red wall <b>", "red.png,the red wall", "green.png,a lawn"]
    for name, colour in (("red", "red"), ("green", "lime"), ("blue", "blue")):
        paint(f"{name}.png", colour)  # type: ignore[operator]
    rows += ["blue.png,the sea and the sky", "broken.png,a hole"]
    (pictures / "broken.png").write_bytes(b"nothing")
    (pictures / "set.csv").write_text("\n".join(rows) + "\n")
    return read_captioned(pictures / "set.csv")


def silent(_phase: str, _done: int, _total: int, _failed: int) -> None:
    """Hear nothing."""


def test_each_caption_is_measured_against_its_own_picture(data: CaptionedSet) -> None:
    found = evaluate_captions(ColourWriter(), data, silent)
    scores = dict(zip((each.name for each in found.pictures), found.scores.each, strict=True))
    assert scores["red.png"] > scores["green.png"] > scores["blue.png"] == 0.0
    assert [Path(skip.path).name for skip in found.skips] == ["broken.png"]
    assert found.distinct == 1.0
    assert found.concordance == 1.0


def test_concordance_counts_pairs_that_are_in_one_order() -> None:
    assert concordance([1, 2, 3], [1, 2, 3]) == 1.0
    assert concordance([3, 2, 1], [1, 2, 3]) == 0.0
    assert concordance([1, 2, 3], [1, 3, 2]) == pytest.approx(2 / 3)
    assert math.isnan(concordance([1, 1], [1, 2]))


def test_the_page_shows_the_best_first_and_escapes_what_was_written(data: CaptionedSet) -> None:
    page = caption_page(evaluate_captions(ColourWriter(), data, silent))
    assert page.index("A red wall") < page.index("<h2>Worst</h2>") < page.index("A blue wall")
    assert "<b>" not in page


def test_a_set_of_which_nothing_can_be_read_is_said(data: CaptionedSet, tmp_path: Path) -> None:
    (tmp_path / "set.csv").write_text("filepath,title\ngone.png,a hole\n")
    with pytest.raises(NothingToMeasure):
        evaluate_captions(ColourWriter(), read_captioned(tmp_path / "set.csv"), silent)
