"""The built-in captioner weighs choices; what makes no sense is refused by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from tiny_captioner import draw_square

from clipsearch.captioning import Captioner, open_answerer
from clipsearch.captioning.answering import MOST_CHOICES, ChoiceWeigher
from clipsearch.captioning_errors import ChoicesMissing, QuestionRefused
from clipsearch.errors import UnreadableQueryImage
from clipsearch.values import Embeddings


class Deaf:
    """A text tower to which all texts are alike: the captioner alone decides."""

    def embed_texts(self, texts: Sequence[str]) -> Embeddings:
        return np.zeros((len(texts), 640), np.float32)


@pytest.fixture(scope="module")
def weigher() -> ChoiceWeigher:
    found = open_answerer()
    assert isinstance(found, ChoiceWeigher)
    return found


def test_the_probabilities_of_choices_sum_up_and_stand_best_first(
    weigher: ChoiceWeigher, photographs: Path
) -> None:
    found = weigher.answers(photographs / "chelsea.png", "What animal is this?", ["bus", "cat"])
    assert [each.text for each in found] == ["cat", "bus"]
    assert [each.statement for each in found] == ["a cat", "a bus"]
    shares = [each.probability or 0.0 for each in found]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1.0)


@pytest.mark.parametrize("colour", ["red", "green", "blue"])
def test_a_captioner_of_squares_knows_their_colour(
    squares_captioner: Path, tmp_path: Path, colour: str
) -> None:
    weigher = ChoiceWeigher(Captioner(squares_captioner, threads=1), Deaf())
    picture = draw_square(tmp_path / "square.png", colour, 77)
    found = weigher.answers(picture, "what colour is the square?", ["blue", "green", "red"])
    assert found[0].text == colour


def test_yes_and_no_are_answered_in_either_order(weigher: ChoiceWeigher, photographs: Path) -> None:
    picture, question = photographs / "chelsea.png", "Is there a cat?"
    found = weigher.answers(picture, question)
    assert [each.text for each in found] == ["yes", "no"]
    other = weigher.answers(picture, question, ["No", "Yes"])
    assert [each.text for each in other] == ["Yes", "No"]
    assert [each.probability for each in other] == [each.probability for each in found]


def test_an_open_question_without_choices_says_what_to_do(
    weigher: ChoiceWeigher, photographs: Path
) -> None:
    with pytest.raises(ChoicesMissing, match="--choices A,B,C"):
        weigher.answers(photographs / "chelsea.png", "Why is it here?")


@pytest.mark.parametrize(
    ("question", "choices", "reason"),
    [
        (" ", ["a dog", "a cat"], "empty"),
        ("?!", ["a dog", "a cat"], "no word"),
        ("who?", ["a dog"], "only choice"),
        ("who?", ["a dog", "A  dog "], "twice"),
        ("who?", ["a dog", ""], "empty"),
        ("who?", ["a dog", "犬"], "no word in Latin"),
        ("who?", ["a dog", "very long words " * 30], "longer than a caption"),
        ("who?", [f"dog {number}" for number in range(MOST_CHOICES + 1)], "more than 1000"),
    ],
)
def test_what_makes_no_sense_is_refused(
    weigher: ChoiceWeigher, photographs: Path, question: str, choices: list[str], reason: str
) -> None:
    with pytest.raises(QuestionRefused, match=reason):
        weigher.answers(photographs / "chelsea.png", question, choices)


def test_a_picture_that_is_none_is_named(weigher: ChoiceWeigher, tmp_path: Path) -> None:
    with pytest.raises(UnreadableQueryImage):
        weigher.answers(tmp_path / "none.jpg", "is there a dog?")


def test_a_black_picture_of_one_pixel_has_finite_answers(weigher: ChoiceWeigher) -> None:
    black = np.zeros((1, 1, 3), np.uint8)
    found = weigher.answers(black, "what is this?", ["night", "snow", "a dog"])
    assert sum(each.probability or 0.0 for each in found) == pytest.approx(1.0)


def test_hundreds_of_choices_are_weighed(weigher: ChoiceWeigher) -> None:
    choices = [f"dog {number}" for number in range(100)]
    found = weigher.answers(np.zeros((8, 8, 3), np.uint8), "what is this?", choices)
    assert {each.text for each in found} == set(choices)
