"""Models of transformers answer questions: with probabilities where they classify."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="they come with clipsearch[captions]")
pytest.importorskip("transformers", reason="they come with clipsearch[captions]")

from tiny_captioners import write_blip_vqa, write_vilt

from clipsearch.captioning import open_answerer
from clipsearch.captioning_errors import CaptionerUnusable, QuestionRefused

PICTURE = np.full((40, 60, 3), 90, np.uint8)


@pytest.fixture(scope="module")
def vilt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_vilt(tmp_path_factory.mktemp("vilt") / "tiny")


def test_a_classifier_gives_its_likeliest_answers(vilt: Path) -> None:
    answerer = open_answerer(f"hf:{vilt}")
    found = answerer.answers(PICTURE, "is it red?")
    assert answerer.name == "hf:tiny"
    assert {each.text for each in found} == {"yes", "no", "red", "2"}
    assert sum(each.probability or 0.0 for each in found) == pytest.approx(1.0, abs=1e-5)


def test_a_classifier_is_held_to_the_choices(vilt: Path) -> None:
    answerer = open_answerer(f"hf:{vilt}")
    found = answerer.answers(PICTURE, "is it red?", ["Yes", "no"])
    assert {each.text for each in found} == {"Yes", "no"}
    assert sum(each.probability or 0.0 for each in found) == pytest.approx(1.0, abs=1e-5)
    with pytest.raises(QuestionRefused, match="no answer 'perhaps'"):
        answerer.answers(PICTURE, "is it red?", ["yes", "perhaps"])


def test_a_model_that_writes_gives_words_alone(tmp_path: Path) -> None:
    answerer = open_answerer(f"hf:{write_blip_vqa(tmp_path / 'blip')}")
    (found,) = answerer.answers(PICTURE, "a red square on paper")
    assert found.text
    assert found.probability is None


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(CaptionerUnusable, match="empty"):
        open_answerer(f"hf:{tmp_path / 'empty'}")
