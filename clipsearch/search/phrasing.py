"""Puts short words into the sentences that a tower reads best.

A tower learned from captions, which are sentences: `dog` alone is read worse than `a dog`. So one
to three bare words are asked for in several sentences, and the mean of their embeddings is taken
(Radford et al. 2021, 3.1.4). docs/short-queries.md has the measurements.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from clipsearch.catalogue.terms import STOP_WORDS
from clipsearch.towers import TowerPair, templates_of
from clipsearch.towers.scripts import script_of
from clipsearch.values import Embeddings

MOST_WORDS = 3
_WORD = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*")
_COUNTS = "one two three four five six seven eight nine ten many several few both all another other"
_IRREGULAR = "people men women children mice geese sheep feet teeth police cattle"
_SAYING = STOP_WORDS | frozenset(_COUNTS.split())
"""Words that stand in a sentence or count things: a text that has one is a phrase already."""
_MANY = frozenset(_IRREGULAR.split())


def sentences_of(text: str, tower: TowerPair) -> tuple[str, ...]:
    """What is embedded for a text: short words in each of the tower's templates, else the text."""
    templates = templates_of(tower)
    if not templates or not is_bare(text):
        return (text,)
    words = " ".join(text.split())
    named = with_article(words)
    return tuple(each.replace("{a}", named).replace("{}", words) for each in templates)


def embed_sentences(sentences: Sequence[str], tower: TowerPair) -> Embeddings:
    """The mean of the sentences' embeddings, of unit length: float32 [dim]."""
    rows = tower.embed_texts(sentences)
    if len(rows) == 1:
        return np.asarray(rows[0])
    mean = rows.mean(axis=0, dtype=np.float64)
    length = float(np.linalg.norm(mean))
    return np.asarray(mean / length if length else mean, np.float32)


def is_bare(text: str) -> bool:
    """Whether a text is one to three words in Latin letters that are no sentence and no count."""
    words = text.split()
    return 0 < len(words) <= MOST_WORDS and all(map(_is_bare_word, words))


def with_article(words: str) -> str:
    """Give "a dog", "an old car"; several of a kind (dogs) and doings (surfing) take none."""
    last = words.split()[-1].lower()
    many = last in _MANY or (last.endswith("s") and not last.endswith(("ss", "us", "is")))
    if many or last.endswith("ing"):
        return words
    return f"{'an' if words[:1].lower() in tuple('aeiou') else 'a'} {words}"


def _is_bare_word(word: str) -> bool:
    if word.lower() in _SAYING or _WORD.fullmatch(word) is None:
        return False
    return all(script_of(letter) == "Latin" for letter in word if letter.isalpha())
