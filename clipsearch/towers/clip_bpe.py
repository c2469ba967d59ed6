"""CLIP's byte-pair encoding without a library, from its merges as flat text.

The ids are those of open_clip's SimpleTokenizer (Radford et al. 2021). The vocabulary is the
256 bytes, the 256 bytes that end a word, one piece a merge, and two special tokens; since no
two merges give the same piece, a piece's id is the rank of its merge plus 512.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from clipsearch.towers.cleaning import Clean, clean_text

END = "</w>"
_START_TOKEN, _END_TOKEN = "<start_of_text>", "<end_of_text>"
_WORDS = re.compile(
    rf"{_START_TOKEN}|{_END_TOKEN}|'s|'t|'re|'ve|'m|'ll|'d|[a-z]+|[0-9]|[^\sa-z0-9]+",
    re.IGNORECASE | re.ASCII,
)


class ClipBPE:
    """Turns texts into ids with the merges of a `merges.txt`, one "left right" a line."""

    def __init__(self, merges: Path, max_tokens: int, clean: Clean = "lower") -> None:
        lines = merges.read_text(encoding="utf-8").rstrip("\n").split("\n")
        self._ranks = dict(zip(lines, range(len(lines)), strict=True))
        self._max_tokens, self._clean = max_tokens, clean
        self._first = 512 + len(lines)
        self._last = self._first + 1

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text, begin and end included, cut at the greatest number of tokens."""
        return [self._encode(text) for text in texts]

    def _encode(self, text: str) -> list[int]:
        text = clean_text(text, self._clean).encode("utf-8", "replace").decode()
        room = self._max_tokens - 2
        ids: list[int] = []
        for match in _WORDS.finditer(_shape(text)):
            ids += self._word(text[match.start() : match.end()])
            if len(ids) >= room:
                break
        return [self._first, *ids[:room], self._last]

    def _word(self, word: str) -> list[int]:
        if word in (_START_TOKEN, _END_TOKEN):
            return [self._first if word == _START_TOKEN else self._last]
        pieces = [self._bytes[byte] for byte in word.encode()]
        ids = [self._byte_ids[piece] for piece in pieces]
        pieces[-1] += END
        ids[-1] += 256
        while len(pieces) > 1:
            ranks = [self._rank(pair) for pair in itertools.pairwise(pieces)]
            best = min(ranks)
            if best == len(self._ranks):
                break
            at = ranks.index(best)
            _merge_everywhere(pieces, ids, (pieces[at], pieces[at + 1]), 512 + best)
        return ids

    def _rank(self, pair: tuple[str, str]) -> int:
        return self._ranks.get(f"{pair[0]} {pair[1]}", len(self._ranks))

    @cached_property
    def _bytes(self) -> list[str]:
        return byte_characters()

    @cached_property
    def _byte_ids(self) -> dict[str, int]:
        order = [*_PRINTABLE, *(byte for byte in range(256) if byte not in _PRINTABLE)]
        return {self._bytes[byte]: position for position, byte in enumerate(order)}


_PRINTABLE = (*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100))


def byte_characters() -> list[str]:
    """The printable character that stands for each of the 256 bytes."""
    others = iter(range(256, 512))
    return [chr(byte) if byte in _PRINTABLE else chr(next(others)) for byte in range(256)]


def _merge_everywhere(
    pieces: list[str], ids: list[int], pair: tuple[str, str], merged_id: int
) -> None:
    left, right = pair
    position = 0
    while position < len(pieces) - 1:
        if pieces[position] == left and pieces[position + 1] == right:
            pieces[position : position + 2] = [left + right]
            ids[position : position + 2] = [merged_id]
        position += 1


def _shape(text: str) -> str:
    """The text with every letter, digit and mark outside ASCII replaced by one of its kind.

    So the pattern needs no Unicode classes. "b" stands in no contraction and no special token.
    """
    if text.isascii():
        return text
    return "".join(char if char.isascii() else _kind(char) for char in text)


def _kind(char: str) -> str:
    if char.isspace():
        return " "
    if char == "ſ":  # the long s equals s when case is ignored
        return "s"
    if char.isalpha() or char == "\u0345":  # an iota below equals iota when case is ignored
        return "b"
    return "0" if unicodedata.category(char).startswith("N") else "!"
