"""A caption as captioners learn it and weigh it: lower case, ASCII, without punctuation."""

from __future__ import annotations

import re
import unicodedata

_DROPPED = re.compile(r"[^a-z0-9'\- ]+")


def plain(caption: str) -> str:
    """The words of a caption, with single spaces between them; empty where it has none."""
    folded = unicodedata.normalize("NFKD", caption).replace("\u2019", "'")
    return " ".join(_DROPPED.sub(" ", folded.lower()).split())
