"""VQA accuracy on examples worked out by hand."""

from __future__ import annotations

import pytest

from clipsearch.measures.vqa import comparable, vqa_accuracy


@pytest.mark.parametrize(
    ("agreeing", "accuracy"),
    [
        # k of ten agree: k leave-one-out sets hold k - 1 of them, the other 10 - k hold all k
        (0, 0.0),
        (1, 0.3),  # (1 * 0 + 9 * 1/3) / 10
        (2, 0.6),  # (2 * 1/3 + 8 * 2/3) / 10
        (3, 0.9),  # (3 * 2/3 + 7 * 1) / 10
        (4, 1.0),
        (10, 1.0),
    ],
)
def test_it_is_the_mean_over_the_subsets_of_nine(agreeing: int, accuracy: float) -> None:
    people = ["red"] * agreeing + [f"other {number}" for number in range(10 - agreeing)]
    assert vqa_accuracy("Red", people) == pytest.approx(accuracy)


def test_one_person_alone_is_right_or_wrong() -> None:
    assert vqa_accuracy("a dog", ["dog"]) == 1.0
    assert vqa_accuracy("cat", ["dog"]) == 0.0


def test_without_people_there_is_nothing_to_compare() -> None:
    with pytest.raises(ValueError, match="nobody"):
        vqa_accuracy("red", [])


@pytest.mark.parametrize(
    ("answer", "same"),
    [
        ("The Dog", "dog"),
        ("two", "2"),
        ("none", "0"),
        ("10", "ten"),
        ("dont know", "don't know"),
        ("oclock", "o'clock"),
        ("red.", "red"),
        ("3.5", "3.5"),
        ("1,000", "1000"),
        ("red/white", "red white"),
        ("yes, it is", "yes it is"),
        ("a\tred\nball ", "red ball"),
        ("t-shirt", "t shirt"),
        ("what?!", "what"),
        ("an", ""),
    ],
)
def test_answers_are_compared_without_case_articles_and_marks(answer: str, same: str) -> None:
    assert comparable(answer) == comparable(same)


def test_what_differs_stays_different() -> None:
    assert len({comparable(each) for each in ("red", "reddish", "2", "20", "2.0", "no")}) == 6
