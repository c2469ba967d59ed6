"""How right an answer about a picture is, given what people answered (Antol et al. 2015).

An answer is right if three of ten people gave it: min(people who gave it / 3, 1), averaged over
the people each left out in turn. Answers are compared as the evaluation of the VQA data sets
compares them: without case, punctuation and articles, numbers as digits, contractions with their
apostrophes. One thing is simpler: answers are made alike even where all people gave the very
same one, which that evaluation then leaves as it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

ENOUGH = 3
"""So many of the others make an answer wholly right."""
_ARTICLES = frozenset({"a", "an", "the"})
_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_DIGITS = {"none": "0", **{word: str(number) for number, word in enumerate(_NUMBERS)}}
_PUNCTUATION = ';/[]"{}()=+\\_-><@`,?!'
_PERIOD = re.compile(r"\.(?!\d)")
_COMMA_IN_NUMBER = re.compile(r"\d,\d")
_APOSTROPHES = """ain't aren't can't could've couldn't couldn't've didn't doesn't don't hadn't
hadn't've hasn't haven't he'd he'd've he's how'd how'll how's i'd've i'm i've isn't it'd it'd've
it'll let's ma'am might've mightn't mightn't've must've mustn't needn't not've o'clock oughtn't
shan't she'd've she's should've shouldn't shouldn't've somebody'd somebody'd've somebody'll
somebody's someone'd someone'd've someone'll someone's something'd something'd've something'll
that's there'd there'd've there're there's they'd they'd've they'll they're they've 'twas wasn't
we'd've we've weren't what'll what're what's what've when's where'd where's where've who'd
who'd've who'll who's who've why'll why're why's won't would've wouldn't wouldn't've y'all
y'all'll y'all'd've you'd you'd've you'll you're you've"""
_CONTRACTIONS = {word.replace("'", ""): word for word in _APOSTROPHES.split()}


def vqa_accuracy(answer: str, people: Sequence[str]) -> float:
    """How right an answer is, 0 to 1. Raises ValueError where nobody answered.

    One person alone, whom nobody is left to be held against, is right or is not.
    """
    if not people:
        raise ValueError("nobody answered")
    given = comparable(answer)
    same = [comparable(each) == given for each in people]
    if len(same) == 1:
        return float(same[0])
    found = sum(same)
    return sum(min((found - own) / ENOUGH, 1.0) for own in same) / len(same)


def comparable(answer: str) -> str:
    """An answer in the form in which two are compared."""
    words = _without_punctuation(" ".join(answer.split())).lower().split()
    told = [_DIGITS.get(word, word) for word in words]
    return " ".join(_CONTRACTIONS.get(word, word) for word in told if word not in _ARTICLES)


def _without_punctuation(text: str) -> str:
    """A mark beside a space, or any in a text with a number such as 1,000, goes without a trace;
    one between two words leaves a space.
    """
    in_number = _COMMA_IN_NUMBER.search(text) is not None
    found = text
    for mark in _PUNCTUATION:
        traceless = in_number or f"{mark} " in text or f" {mark}" in text
        found = found.replace(mark, "" if traceless else " ")
    return _PERIOD.sub("", found)
