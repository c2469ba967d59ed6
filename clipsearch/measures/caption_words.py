"""Captions as words, as the measures of captions count them.

In the manner of the Penn Treebank tokenizer that MS COCO's evaluation runs in Java: lower case;
marks of punctuation are left out; a contraction is two words ("don't" is do n't, "man's" is man
's); a hyphen inside a word stays ("t-shirt"). It is no copy of the Java program: numbers with
commas stay whole there and here, but abbreviations and rare signs may differ.
"""

from __future__ import annotations

import re

Words = tuple[str, ...]

_APOSTROPHES = str.maketrans({"\u2019": "'", "\u2018": "'", "\u00b4": "'", "`": "'"})
_CONTRACTION = re.compile(r"(?<=\w)(n't|'(?:s|m|d|ll|re|ve))(?!\w)")
_WORD = re.compile(r"n't(?!\w)|'(?:s|m|d|ll|re|ve)(?!\w)|\w+(?:[-.,/&']\w+)*|[$%#&@+=]")


def caption_words(caption: str) -> Words:
    """The words of a caption, in order, without punctuation."""
    lowered = caption.lower().translate(_APOSTROPHES)
    return tuple(_WORD.findall(_CONTRACTION.sub(r" \1 ", lowered)))
