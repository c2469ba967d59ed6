"""Refuses a query in letters that a tower never learned, rather than answer it at random."""

from __future__ import annotations

import unicodedata
from collections import Counter

from clipsearch.errors import UnreadableScript
from clipsearch.towers.pair import TowerPair

_LATIN = frozenset({"en", "de", "fr", "es", "it", "pt", "nl", "sv", "da", "no", "fi", "pl"})
_COMMON = frozenset({"FULLWIDTH", "HALFWIDTH", "MODIFIER", "FEMININE", "MASCULINE", "MICRO"})


def check_readable(text: str, pair: TowerPair) -> None:
    """Raise UnreadableScript if most letters of the text are of a script the tower cannot read.

    Only towers of languages in Latin letters refuse anything; digits, marks and emoji count for
    nothing, and accents do no harm.
    """
    if not pair.languages or not _LATIN.issuperset(pair.languages):
        return
    counted = Counter(script_of(char) for char in text if char.isalpha())
    foreign = Counter({name: count for name, count in counted.items() if name != "Latin"})
    if foreign.total() * 2 > counted.total():
        (script, _), *_ = foreign.most_common(1)
        raise UnreadableScript(text, script, pair.identity.name, pair.languages)


def script_of(letter: str) -> str:
    """The script of a letter by its Unicode name: "Latin", "Cyrillic", "Chinese"."""
    name = unicodedata.name(letter, "")
    words = name.split(" ")
    if "LATIN" in words or words[0] in _COMMON or "MATHEMATICAL" in words:
        return "Latin"
    if words[0] == "CJK":
        return "Chinese"
    return words[0].capitalize() or "unknown"
