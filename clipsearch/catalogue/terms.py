"""Words of texts, names and queries, as the catalogue's full-text table takes them.

SQLite's tokenizer parts words where letters and digits end. What has no spaces between its words
(Chinese, Japanese, Thai, ...) is parted here, a letter a token, and asked for in phrases of two
letters: bigrams, as Lucene's CJKAnalyzer. Korean is treated so for its endings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

MOST_TERMS = 64
"""Of a longer query the first terms alone are looked for."""

_UNSPACED = re.compile(
    "["
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u1100-\u11ff\u3130-\u318f\uac00-\ud7af"  # Hangul
    "\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f"  # kana
    "\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"  # ideographs
    "]"
)
# Parts that one mark joins are one word: t-shirt, IMG_0042, l'eau.
_WORD = re.compile(r"[^\W_]+(?:[-_.'’&][^\W_]+)*")
_PART = re.compile(r"[^\W_]+")
_POSSESSIVE = re.compile(r"['’]s\b", re.IGNORECASE)
_HUMP = re.compile(r"(?<=[a-zß-ÿ])(?=[A-ZÀ-Þ])|(?<=[A-ZÀ-Þ])(?=[A-ZÀ-Þ][a-zß-ÿ])")
_DIGITS = re.compile(r"(?<=\d)(?=[^\W\d_])|(?<=[^\W\d_])(?=\d)")

_FUNCTION_WORDS = """
a an the this that these those some any each every and or but nor not no if then than so as of
in on at by to from for with without into onto over under up down out off about between near
through during against is are was were be been being am do does did have has had having would
could might should i me my we us our you your he him his she her it its they them their who whom
whose which what where when why how there here also very just photo photos picture pictures
image images photograph
"""
STOP_WORDS = frozenset(_FUNCTION_WORDS.split())
"""English words that say nothing of a picture, though a query is full of them."""


def spaced(text: str) -> str:
    """A text for the table: letters of scripts without spaces stand apart."""
    return _UNSPACED.sub(lambda letter: f" {letter[0]} ", text.replace("\0", " "))


def name_words(path: Path, roots: Sequence[Path]) -> str:
    """The words of a file's name and folders, from the name of the root on that holds it.

    camelCase, digits and marks part them, and the unparted name stands beside; the extension
    and lone letters are left out.
    """
    holding = [root for root in roots if root in path.parents]
    top = min(holding, key=lambda root: len(root.parts), default=path.parent)
    folders = path.parent.parts[len(top.parts) - 1 :] if top.name else path.parent.parts[1:]
    found: dict[str, None] = {}
    for name in (*folders, path.stem):
        readable = name.encode("utf-8", "replace").decode()
        whole = _PART.findall(readable)
        parted = _PART.findall(_DIGITS.sub(" ", _HUMP.sub(" ", readable)))
        found |= dict.fromkeys(word for word in parted if len(word) > 1 or not word.isascii())
        found |= dict.fromkeys(word for word in whole if word not in parted)
    return spaced(" ".join(found))


def terms(text: str) -> dict[str, str]:
    """The words to look for, each with its phrase in FTS5's language; nothing in them is syntax.

    Stop words are left out; of a text that has no others they are one phrase, if two or more.
    """
    words = list(dict.fromkeys(_words(text)))
    telling = [word for word in words if word.lower() not in STOP_WORDS]
    if not telling and len(words) > 1:
        return {" ".join(words): _phrase(" ".join(words))}
    return {word: _phrase(word) for word in telling[:MOST_TERMS]}


def _words(text: str) -> Iterator[str]:
    for word in _WORD.findall(_POSSESSIVE.sub("", text)):
        for run in _runs(word):
            if _UNSPACED.match(run):
                yield from (run[at : at + 2] for at in range(max(1, len(run) - 1)))
            else:
                yield run


def _runs(word: str) -> Iterator[str]:
    """The parts of a word that are of one kind: written with spaces, or without."""
    rest = re.split(f"({_UNSPACED.pattern}+)", word)
    yield from (run for run in rest if _PART.search(run))


def _phrase(word: str) -> str:
    return '"' + " ".join(_PART.findall(spaced(word))) + '"'
