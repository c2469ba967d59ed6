r"""Foreign text made fit for a terminal: no control byte of a file's name ever reaches it.

What cannot be seen is written as `ls -b` writes it: `\n`, `\t`, `\033`, and bytes that are
no UTF-8 as `\377`. Spaces stay as they are. A backslash is doubled, so that every name can be
told from every other.
"""

from __future__ import annotations

import os
import unicodedata

_NAMED = {
    "\a": r"\a",
    "\b": r"\b",
    "\f": r"\f",
    "\n": r"\n",
    "\r": r"\r",
    "\t": r"\t",
    "\v": r"\v",
    "\\": r"\\",
}
# Controls, formats (among them the marks that turn the direction of text), lone surrogates
# (which stand for bytes that are no UTF-8), line and paragraph separators.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# They shape Persian and Indic words and join emoji.
_JOINERS = frozenset("\u200c\u200d")


def quoted(text: str | os.PathLike[str]) -> str:
    """A name or a path as `ls -b` would show it, on one line."""
    text = os.fspath(text)
    if text.isprintable() and "\\" not in text:
        return text
    return "".join(_NAMED.get(char) or _visible(char) for char in text)


def counted(number: int, one: str, several: str | None = None) -> str:
    """A number with the word for what it counts: 1 file, 2 files."""
    return f"{number:,} {one if number == 1 else several or f'{one}s'}"


def printable(text: str) -> str:
    """A message that may hold foreign names: as it is, but for what cannot be seen."""
    if text.isprintable():
        return text
    return "".join(char if char == "\\" else _NAMED.get(char) or _visible(char) for char in text)


def _visible(char: str) -> str:
    if char in _JOINERS or unicodedata.category(char) not in _UNSEEN:
        return char
    return "".join(f"\\{byte:03o}" for byte in os.fsencode(char))
