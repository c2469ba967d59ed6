"""BERT's WordPiece without a library: it starts in a millisecond, for the sake of one query.

The `tokenizers` package takes 35 ms to import and 40 ms more to read a vocabulary. Here the
vocabulary stays one string, and a word's id is the number of lines before it. For many texts
it becomes a dictionary (12 ms, once). The ids are those of `BertNormalizer(lowercase=True)`,
`BertPreTokenizer` and `WordPiece` (Devlin et al. 2018), but for marks that Unicode added or
reclassified since 2016, which follow Python's tables here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

from clipsearch.towers.cleaning import Clean, clean_text

LONGEST_WORD = 100
FEW_TEXTS = 8

# The libraries take these, as they are spelled here, for what they name.
_SPECIAL = re.compile(r"(\[(?:PAD|UNK|CLS|SEP|MASK)\])")
_PLAIN = re.compile(r"[ -~\t\n\r]*")
_PLAIN_WORDS = re.compile(r"[a-z0-9]+|[^a-z0-9\s]")


class WordPiece:
    """Turns texts into ids with the vocabulary of a `vocab.txt`, one piece a line."""

    def __init__(self, vocabulary: Path, max_tokens: int, clean: Clean = "none") -> None:
        # Lines end in "\n" alone: universal newlines would be wrong for pieces like "\x85".
        self._lines = b"\n" + vocabulary.read_bytes().replace(b"\r\n", b"\n").strip(b"\n") + b"\n"
        self._ids: dict[bytes, int] | None = None
        self._max_tokens, self._clean = max_tokens, clean
        self._unknown = self._special("[UNK]")
        self._first = self._special("[CLS]")
        self._last = self._special("[SEP]")

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text, begin and end included, cut at the greatest number of tokens."""
        if self._ids is None and len(texts) > FEW_TEXTS:
            pieces = self._lines[1:-1].split(b"\n")
            self._ids = dict(zip(pieces, range(len(pieces)), strict=True))
        return [self._encode(text) for text in texts]

    def _encode(self, text: str) -> list[int]:
        room = self._max_tokens - 2
        ids: list[int] = []
        for part in _SPECIAL.split(clean_text(text, self._clean)):
            found = self._id(part.encode("utf-8", "replace")) if _SPECIAL.fullmatch(part) else None
            ids += [found] if found is not None else self._ordinary(part, room - len(ids))
        return [self._first, *ids[:room], self._last]

    def _ordinary(self, text: str, enough: int) -> list[int]:
        ids: list[int] = []
        for word in words(text):
            ids += self._pieces(word)
            if len(ids) >= enough:
                break
        return ids

    def _pieces(self, word: str) -> list[int]:
        """The longest known beginnings, one after another; unknown if one has none."""
        if len(word) > LONGEST_WORD:
            return [self._unknown]
        ids: list[int] = []
        start = 0
        while start < len(word):
            prefix = "##" if start else ""
            for end in range(len(word), start, -1):
                found = self._id((prefix + word[start:end]).encode())
                if found is not None:
                    break
            else:
                return [self._unknown]
            ids.append(found)
            start = end
        return ids

    def _id(self, piece: bytes) -> int | None:
        if self._ids is not None:
            return self._ids.get(piece)
        position = self._lines.find(b"\n" + piece + b"\n")
        return None if position < 0 else self._lines.count(b"\n", 0, position)

    def _special(self, piece: str) -> int:
        found = self._id(piece.encode())
        if found is None:
            raise ValueError(f"the vocabulary has no {piece}")
        return found


def words(text: str) -> Iterator[str]:
    """The words and punctuation marks of a text: lower case, without accents."""
    text = text.encode("utf-8", "replace").decode()  # lone surrogates have no UTF-8
    if _PLAIN.fullmatch(text):
        yield from _PLAIN_WORDS.findall(text.lower())
        return
    cleaned = "".join(_clean(char) for char in text)
    bare = (c for c in unicodedata.normalize("NFD", cleaned) if unicodedata.category(c) != "Mn")
    for word in "".join(char.lower() for char in bare).split():
        yield from _apart(word)


def _clean(char: str) -> str:
    """Whitespace becomes a space, control characters nothing, ideographs words of their own."""
    if char in "\t\n\r":
        return " "
    if char == "\ufffd" or unicodedata.category(char) in ("Cc", "Cf", "Co"):
        return ""
    if char.isspace():
        return " "
    return f" {char} " if _is_ideograph(ord(char)) else char


def _apart(word: str) -> Iterator[str]:
    start = 0
    for position, char in enumerate(word):
        if _is_punctuation(char):
            if start < position:
                yield word[start:position]
            yield char
            start = position + 1
    if start < len(word):
        yield word[start:]


def _is_punctuation(char: str) -> bool:
    if char.isascii():
        return char.isprintable() and not char.isalnum() and char != " "
    return unicodedata.category(char).startswith("P")


def _is_ideograph(code: int) -> bool:
    return (
        0x4E00 <= code <= 0x9FFF
        or 0x3400 <= code <= 0x4DBF
        or 0x20000 <= code <= 0x2A6DF
        or 0x2A700 <= code <= 0x2B73F
        or 0x2B740 <= code <= 0x2B81F
        or 0x2B920 <= code <= 0x2CEAF
        or 0xF900 <= code <= 0xFAFF
        or 0x2F800 <= code <= 0x2FA1F
    )
