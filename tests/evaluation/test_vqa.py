"""Answers to questions are measured one by one, by kind, and together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from clipsearch.captioning import Answer
from clipsearch.captioning_errors import ChoicesMissing
from clipsearch.captions.questions import PictureQuestion, QuestionSet
from clipsearch.evaluation import evaluate_vqa, vqa_page
from clipsearch.evaluation_errors import NothingToMeasure


class Parrot:
    """Says the last word of every question, but for questions that ask why."""

    name = "parrot"

    def answers(self, picture: bytes, question: str, choices: Sequence[str]) -> list[Answer]:
        assert picture == b"seen"
        if question.startswith("why"):
            raise ChoicesMissing(question)
        return [Answer(question.split()[-1])]


def seen() -> bytes:
    return b"seen"


def gone() -> bytes:
    raise FileNotFoundError(2, "No such file", "gone.jpg")


def questions(*rows: tuple[str, Sequence[str]]) -> tuple[PictureQuestion, ...]:
    return tuple(PictureQuestion("a<b.jpg", asked, tuple(said), (), seen) for asked, said in rows)


ASKED = questions(
    ("say yes", ["yes"] * 10),
    ("say two", ["2", "two", "3", "3", "3", "3", "3", "3", "3", "3"]),  # 0.6
    ("say <b>dog</b>", ["dog"] * 10),
    ("why not", ["luck"] * 10),
)


def test_what_is_not_answered_counts_as_wrong() -> None:
    found = evaluate_vqa(Parrot(), QuestionSet("q.csv", ASKED), lambda *_: None)
    assert found.metrics() == pytest.approx(
        {
            "accuracy": (1.0 + 0.6) / 4,
            "accuracy yes/no": 1.0,
            "accuracy number": 0.6,
            "accuracy other": 0.0,
            "answered": 0.75,
        }
    )


def test_a_picture_that_is_gone_is_left_out() -> None:
    lost = PictureQuestion("gone.jpg", "say yes", ("yes",), (), gone)
    found = evaluate_vqa(Parrot(), QuestionSet("q.csv", (*ASKED[:1], lost)), lambda *_: None)
    assert found.metrics()["accuracy"] == 1.0
    assert [skip.path for skip in found.skips] == [Path("gone.jpg")]
    with pytest.raises(NothingToMeasure):
        evaluate_vqa(Parrot(), QuestionSet("q.csv", (lost,)), lambda *_: None)


def test_the_page_escapes_what_others_wrote() -> None:
    page = vqa_page(evaluate_vqa(Parrot(), QuestionSet("q.csv", ASKED), lambda *_: None))
    assert "&lt;b&gt;dog&lt;/b&gt;" in page
    assert "<b>" not in page
    assert "no answer" in page
