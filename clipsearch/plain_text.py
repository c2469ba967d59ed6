"""What a model or a server says, made one line of plain text: it is data, and is never followed.

Whoever shows it escapes it all the same, as every foreign text.
"""

from __future__ import annotations

import re
import unicodedata
from html.parser import HTMLParser

LONGEST = 300
"""Characters of a caption; what is longer is cut between two words."""

_READ = 20_000
"""Characters that are looked at."""

# The marks that turn the direction of text are formats, too; these two shape words and emoji.
_JOINERS = frozenset("\u200c\u200d")
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_THOUGHT = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(r"^\s*(?:```|~~~).*$", re.MULTILINE)
_LINK = re.compile(r"!?\[([^\]\n]*)\]\([^)\n]*\)")
_LEAD = re.compile(r"^\s*(?:#{1,6}\s+|>\s?|[-+*]\s+|\d{1,2}[.)]\s+)", re.MULTILINE)
_EMPHASIS = re.compile(r"\*{1,3}|`+|__|~~")
_QUOTES = {'"': '"', "'": "'", "“": "”", "„": "“", "«": "»", "‘": "’"}
_SILENT = frozenset({"script", "style", "template"})


def plain_line(text: str, longest: int = LONGEST) -> str:
    """One line without markup, control characters and quotes around it, `longest` at most.

    HTML and the marks of Markdown are taken off, as is what a model thought aloud.
    """
    text = _without_tags(_THOUGHT.sub(" ", text[:_READ]))
    text = _LINK.sub(r"\1", _FENCE.sub(" ", text))
    text = _EMPHASIS.sub("", _LEAD.sub(" ", text))
    text = unicodedata.normalize("NFC", text)
    seen = "".join(char if _is_seen(char) else " " for char in text)
    return _cut(_unquoted(" ".join(seen.split())), longest)


def _is_seen(char: str) -> bool:
    return char in _JOINERS or unicodedata.category(char) not in _UNSEEN


def _unquoted(text: str) -> str:
    while len(text) > 1 and _QUOTES.get(text[0]) == text[-1] and text[0] not in text[1:-1]:
        text = text[1:-1].strip()
    return text


def _cut(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    head = text[: longest - 1]
    whole, space, _ = head.rpartition(" ")
    return f"{whole if space else head}…"


class _Words(HTMLParser):
    """Collects the text between tags."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in _SILENT

    def handle_endtag(self, tag: str) -> None:
        self._silent -= bool(self._silent) and tag in _SILENT

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(data)


def _without_tags(text: str) -> str:
    if "<" not in text and "&" not in text:
        return text
    words = _Words()
    words.feed(text)
    words.close()
    return "".join(words.parts)
