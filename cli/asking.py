"""From the words of a command line to the parts of a query."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

import clipsearch

# `2:dog` weighs a dog twice, `0.5:./cat.jpg` a picture half. A text goes on as a text where a
# digit or a space follows the colon: "16:9 screen", "3:10 to Yuma", "2: a sequel".
_WEIGHED_TEXT = re.compile(r"(\d+(?:\.\d+)?|\.\d+):(?![\d\s])(.+)", re.DOTALL)
_WEIGHED_FILE = re.compile(r"(\d+(?:\.\d+)?|\.\d+):(.+)", re.DOTALL)
STDIN = "-"
LEAST_WEIGHT, GREATEST_WEIGHT = 1e-6, 1e6
"""Beyond them the sum of the parts is not what was asked, for float32 has seven digits."""


def words_part(text: str, sign: float = 1.0) -> clipsearch.Words:
    """A text with its weight."""
    found = _WEIGHED_TEXT.fullmatch(text)
    if found is None:
        return clipsearch.Words(text, sign)
    return clipsearch.Words(found[2], sign * _weight(found))


def as_it_stands(
    part: clipsearch.Words | clipsearch.Likeness,
) -> clipsearch.Words | clipsearch.Likeness:
    """A text that is embedded exactly as it stands; a picture stays."""
    return replace(part, exact=True) if isinstance(part, clipsearch.Words) else part


def picture_part(name: str, sign: float = 1.0) -> clipsearch.Likeness:
    """A picture's file with its weight; `-` is a picture that comes on stdin."""
    weight, name = _weight_and_file(name)
    picture = sys.stdin.buffer.read() if name == STDIN else Path(name)
    return clipsearch.Likeness(picture, sign * weight)


def minus_part(asked: str) -> clipsearch.Words | clipsearch.Likeness:
    """What to look away from: a picture where a file of that name exists, else a text."""
    found = _WEIGHED_FILE.fullmatch(asked)
    names = [asked] if found is None else [asked, found[2]]
    if any(Path(name).is_file() for name in names):
        return picture_part(asked, -1.0)
    return words_part(asked, -1.0)


def query_parts(
    words: Sequence[str], texts: Sequence[str], pictures: Sequence[str], minus: Sequence[str]
) -> list[clipsearch.Words | clipsearch.Likeness]:
    """All that was asked; the bare words are one text together."""
    if sum(_weight_and_file(name)[1] == STDIN for name in pictures) > 1:
        raise click.UsageError("only one picture can come on stdin: give `--image -` once.")
    joined = [words_part(" ".join(words))] if words else []
    blank = any(not part.text.strip() for part in joined)
    if blank or not (joined or texts or pictures or minus):
        raise click.UsageError(
            "the query is empty: give words, `--text`, or `--image FILE` "
            '(clipsearch query "a dog on the beach").'
        )
    return [
        *joined,
        *(words_part(text) for text in texts),
        *(picture_part(name) for name in pictures),
        *(minus_part(asked) for asked in minus),
    ]


def _weight_and_file(name: str) -> tuple[float, str]:
    found = _WEIGHED_FILE.fullmatch(name)
    if found is None or Path(name).exists():
        return 1.0, name
    return _weight(found), found[2]


def _weight(found: re.Match[str]) -> float:
    weight = float(found[1])
    if not LEAST_WEIGHT <= weight <= GREATEST_WEIGHT:
        raise click.UsageError(
            f"the weight before {found[2]!r} must be between 0.000001 and 1000000; "
            "`--minus` looks away from something."
        )
    return weight


def described(part: clipsearch.Words | clipsearch.Likeness) -> str:
    """A part in a few words, for headings."""
    sign = "" if part.weight > 0 else "not "
    weight = "" if abs(part.weight) == 1 else f"{abs(part.weight):g} × "
    if isinstance(part, clipsearch.Words):
        return f"{sign}{weight}{part.text}"
    return f"{sign}{weight}{part.picture.name if isinstance(part.picture, Path) else 'stdin'}"
