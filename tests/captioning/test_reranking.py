"""The captioner puts hits into a better order, and says what it is worth."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_captioner import COLOURS, draw_square

from clipsearch.captioning import Captioner, reranked
from clipsearch.captioning.reranking import LIKELIHOOD, nats
from clipsearch.values import Hit, Image, ImageInfo, PictureSignal, Signals


@pytest.fixture(scope="module")
def captioner(squares_captioner: Path) -> Captioner:
    return Captioner(squares_captioner, threads=1)


@pytest.fixture
def hits(tmp_path: Path) -> list[Hit]:
    """Squares of all colours, as if a cosine could not tell them apart."""
    found = []
    for number, colour in enumerate(COLOURS):
        path = draw_square(tmp_path / f"{colour}.png", colour, 77)
        image = Image(number + 1, ImageInfo(bytes(32), "PNG", 96, 96, 100), (path,))
        signals = Signals(PictureSignal(0.3, 1.0))
        found.append(Hit(number + 1, 0.3, image, rank_score=1.0, signals=signals))
    return found


def stems(hits: list[Hit]) -> list[str]:
    return [hit.path.stem for hit in hits if hit.path]


@pytest.mark.parametrize("colour", COLOURS)
def test_the_picture_of_which_the_query_is_likeliest_comes_first(
    captioner: Captioner, hits: list[Hit], colour: str
) -> None:
    found = reranked(hits, [(f"A {colour} square on paper!", 1.0)], captioner)
    assert stems(found)[0] == colour
    assert [hit.rank for hit in found] == [1, 2, 3]


def test_its_evidence_is_part_of_the_sum(captioner: Captioner, hits: list[Hit]) -> None:
    for hit in reranked(hits, [("a red square on paper", 1.0)], captioner):
        assert hit.signals.likelihood is not None
        assert hit.rank_score == pytest.approx(1.0 + hit.signals.likelihood.evidence)
        assert hit.signals.likelihood.evidence == LIKELIHOOD * hit.signals.likelihood.nats


def test_a_picture_that_is_gone_keeps_its_place(captioner: Captioner, hits: list[Hit]) -> None:
    green = next(hit for hit in hits if hit.path and hit.path.stem == "green")
    assert green.path is not None
    assert hits.index(green) == 1
    green.path.unlink()
    found = reranked(hits, [("a blue square on paper", 1.0)], captioner)
    assert stems(found) == ["blue", "green", "red"]
    assert found[1].signals.likelihood is None
    assert found[1].rank_score == 1.0


def test_one_that_never_was_a_file_keeps_its_place(captioner: Captioner, hits: list[Hit]) -> None:
    given = [replace(hits[0], image=replace(hits[0].image, paths=())), *hits[1:]]
    found = reranked(given, [("a blue square on paper", 1.0)], captioner)
    assert found[0] == given[0]
    assert stems(found) == ["blue", "green"]


def test_what_has_no_word_to_say_changes_nothing(captioner: Captioner, hits: list[Hit]) -> None:
    assert reranked(hits, [("!?", 1.0)], captioner) == hits
    assert reranked([], [("a red square", 1.0)], captioner) == []


def test_a_query_longer_than_a_caption_is_weighed_by_its_beginning(
    captioner: Captioner, hits: list[Hit]
) -> None:
    text = "a blue square on paper " * 30
    assert stems(reranked(hits, [(text, 1.0)], captioner))[0] == "blue"


def test_the_query_s_own_likelihood_is_the_mean_over_the_candidates() -> None:
    logs = np.log(np.array([[0.1, 0.2], [0.3, 0.2]]))
    assert nats(logs) == pytest.approx(np.log([[0.5, 1.0], [1.5, 1.0]]))
    assert math.isfinite(nats(np.array([[-900.0], [-1200.0]])).sum())
