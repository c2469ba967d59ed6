"""From a question and a choice to a statement such as a caption could make, by rules.

A captioner says what is there: "two dogs", never "how many dogs are there? two". So each kind of
question that the rules know becomes the words of a caption; every other one stays as it is, with
the choice after it. The rules are for English.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from clipsearch.captions.plain_words import plain

YES, NO = frozenset({"yes", "y", "true", "yeah"}), frozenset({"no", "n", "false", "nope"})
NUMBERS = (
    *("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve"),
)
COUNTS = ("1", "2", "3", "4", "5")
COLOURS = (
    *("black", "white", "red", "blue", "green", "yellow", "brown", "orange", "pink", "purple"),
    "gray",
)
_AUXILIARY = r"(?:is|are|was|were)"
_HERE = re.compile(
    r"\s*\b(?:(?:visible|shown|seen|depicted|present)\b\s*)?(?:here|there|"
    r"(?:in|on|of) (?:the|this) (?:picture|image|photo|photograph|scene))$|"
    r"\s+(?:visible|shown|seen|depicted|present)$"
)
_DETERMINING = """a an the this that these those some no his her its their my your one two three
four five six seven eight nine ten several many"""
_PLACING = """in on at by near under over behind beside inside outside with from to through along
between above below into onto across around"""
_DETERMINERS, _PREPOSITIONS = frozenset(_DETERMINING.split()), frozenset(_PLACING.split())
_IRREGULAR = {
    "men": "man",
    "women": "woman",
    "people": "person",
    "children": "child",
    "feet": "foot",
    "sheep": "sheep",
}


class Statement(NamedTuple):
    """What a choice says of the picture; `denied` where the choice says that it is not so.

    `known` says whether a rule made it, and not the question with the choice behind it.
    """

    text: str
    denied: bool = False
    known: bool = True


def is_yes_or_no(choices: Sequence[str]) -> bool:
    """Whether the choices are yes and no, in either order and whatever their case."""
    said = [plain(each) for each in choices]
    return len(said) == 2 and any(each in YES for each in said) and any(each in NO for each in said)


def known_choices(question: str) -> tuple[str, ...]:
    """The choices that a question brings with it: yes or no, a number, a colour; else none."""
    asked = plain(question)
    if _YES_NO.fullmatch(asked):
        return ("yes", "no")
    if asked.startswith("how many "):
        return COUNTS
    return COLOURS if re.match(r"(?:what|which)(?: is the)? colou?r\b", asked) else ()


def statement(question: str, choice: str) -> Statement:
    """What is said by answering a question so, in the words of a caption.

    A question that no rule knows gives the question with the choice after it.
    """
    asked, said = plain(question), plain(choice)
    for pattern, made in _RULES:
        if found := pattern.fullmatch(asked):
            return Statement(" ".join(made(said, *found.groups("")).split()))
    if said in YES | NO and (found := _YES_NO.fullmatch(asked)):
        return Statement(_claimed(*found.groups("")), said in NO)
    return Statement(f"{asked} {said}", known=False)


def _claimed(auxiliary: str, rest: str) -> str:
    """What a question asks to be so: "is the dog brown" claims that the dog is brown."""
    if there := re.fullmatch(r"(?:there|you see|we see|this|that|it)\s+(.+)", rest):
        return _here_dropped(there[1]).removeprefix("any ")
    words = _here_dropped(rest).split()
    for at, word in enumerate(words[1:], 1):
        if at > 1 and (word.endswith("ing") or word in _PREPOSITIONS):
            return " ".join(words)  # "a man riding a horse", as captions say it
    if auxiliary in ("is", "are", "was", "were") and len(words) > 1:
        at = 2 if words[0] in _DETERMINERS and len(words) > 2 else 1
        return " ".join((*words[:at], auxiliary, *words[at:]))
    return " ".join(words)


def _counted(choice: str, things: str, rest: str) -> str:
    number = choice
    if choice.isdecimal() and int(choice) < len(NUMBERS):
        number = NUMBERS[int(choice)]
    if number == "one":
        *before, last = things.split()
        number, things = "", _with_article(" ".join((*before, _singular(last))))
    return f"{number} {things} {_here_dropped(rest)}"


def _coloured(choice: str, thing: str) -> str:
    words = _here_dropped(thing).split()
    own = words[1:] if words[0] in _DETERMINERS else words
    shown = f"{choice} {' '.join(own)}"
    return shown if _is_many(own[-1]) else _with_article(shown)


def _singular(word: str) -> str:
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if word.endswith("ies") and len(word) > 4:
        return f"{word[:-3]}y"
    if word.endswith(("ches", "shes", "sses", "xes")):
        return word[:-2]
    return word[:-1] if _is_many(word) else word


def _is_many(word: str) -> bool:
    return word in _IRREGULAR or (word.endswith("s") and not word.endswith(("ss", "us", "is")))


def _with_article(words: str) -> str:
    """A thing with "a" or "an", unless it is many, an activity, or has a word of the kind."""
    each = words.split()
    if not each or each[0] in _DETERMINERS or _is_many(each[-1]) or each[-1].endswith("ing"):
        return words
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def _here_dropped(text: str) -> str:
    """Without "in the picture" and its like: every caption means that."""
    short = _HERE.sub("", f" {text}")
    return short.strip() if short == f" {text}" else _here_dropped(short.strip())


def _placed(choice: str, auxiliary: str, thing: str) -> str:
    first = choice.partition(" ")[0]
    if first not in _PREPOSITIONS:
        choice = f"at {choice}" if first in _DETERMINERS else f"at the {choice}"
    return f"{thing} {auxiliary} {choice}"


_YES_NO = re.compile(r"(is|are|was|were|does|do|did|can|could|has|have)\s+(.+)")
_RULES: tuple[tuple[re.Pattern[str], Callable[..., str]], ...] = (
    (
        re.compile(rf"how many (.+?) (?:{_AUXILIARY}|do you see|can you see)\b\s*(.*)"),
        _counted,
    ),
    (re.compile(rf"(?:what|which) colou?r {_AUXILIARY} (.+)"), _coloured),
    (re.compile(r"(?:what|which) (?:is the )?colou?r of (.+)"), _coloured),
    (
        re.compile(rf"what {_AUXILIARY} (.+) doing\b.*"),
        lambda choice, who: f"{_here_dropped(who)} {choice}",
    ),
    (re.compile(rf"where ({_AUXILIARY}) (.+)"), _placed),
    (
        re.compile(
            rf"(?:what|which|who)(?: \w+)?(?: {_AUXILIARY})?(?: (?:this|that|it|there|shown|seen|"
            r"visible))?(?: (?:in|on) (?:the|this) (?:picture|image|photo|photograph|scene))?"
        ),
        lambda choice: _with_article(choice),
    ),
    (
        re.compile(rf"who {_AUXILIARY} (.+)"),
        lambda choice, does: f"{_with_article(choice)} {does}",
    ),
    (
        re.compile(rf"(?:what|which)(?: \w+)? {_AUXILIARY} (.+? (?:\w+ing|\w+ing \w+))"),
        lambda choice, does: f"{does} {_with_article(choice)}",
    ),
)
