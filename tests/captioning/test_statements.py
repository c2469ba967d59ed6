"""A question and a choice become what a caption would say."""

from __future__ import annotations

import pytest

from clipsearch.captioning.statements import Statement, known_choices, statement


@pytest.mark.parametrize(
    ("question", "choice", "said"),
    [
        ("What color is the shirt?", "red", "a red shirt"),
        ("what colour are the shoes?", "orange", "orange shoes"),
        ("What is the color of the bus?", "orange", "an orange bus"),
        ("How many dogs are there in the picture?", "2", "two dogs"),
        ("How many people are playing?", "1", "a person playing"),
        ("How many buses do you see?", "12", "twelve buses"),
        ("Is there a dog in the picture?", "yes", "a dog"),
        ("Is there any snow?", "yes", "snow"),
        ("Is the man wearing a hat?", "yes", "the man wearing a hat"),
        ("Can you see a bus?", "Yes", "a bus"),
        ("is the dog brown?", "yes", "the dog is brown"),
        ("What is the dog doing?", "running", "the dog running"),
        ("What animal is this?", "elephant", "an elephant"),
        ("What is in the picture?", "two cats", "two cats"),
        ("Where is the dog?", "beach", "the dog is at the beach"),
        ("Where is the dog?", "in the water", "the dog is in the water"),
        ("Who is riding the horse?", "woman", "a woman riding the horse"),
        ("What is the man holding?", "umbrella", "the man holding an umbrella"),
    ],
)
def test_a_question_that_a_rule_knows_becomes_a_caption(
    question: str, choice: str, said: str
) -> None:
    assert statement(question, choice) == Statement(said)


def test_no_denies_what_yes_claims() -> None:
    yes, no = (statement("Is the dog asleep?", each) for each in ("yes", "No"))
    assert (yes.text, yes.denied, no.text, no.denied) == (no.text, False, yes.text, True)


def test_a_question_that_no_rule_knows_stays_with_its_choice() -> None:
    assert statement("Why does she smile?", "Luck!") == Statement(
        "why does she smile luck", known=False
    )


@pytest.mark.parametrize(
    ("question", "count"),
    [("Is it red?", 2), ("How many cats?", 5), ("what colour is it?", 11), ("Who is it?", 0)],
)
def test_some_questions_bring_their_choices(question: str, count: int) -> None:
    assert len(known_choices(question)) == count


@pytest.mark.parametrize("question", ["?", "is", "how many", "what", "where is", "x" * 5000])
def test_half_a_question_is_no_error(question: str) -> None:
    assert statement(question, "red").text.endswith("red")
