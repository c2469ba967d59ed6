"""The cleaning of texts before they are cut into tokens, as open_clip does it."""

from __future__ import annotations

import re
import string
import unicodedata
from typing import Literal

Clean = Literal["none", "whitespace", "lower", "canonicalize"]

_NEEDS_NO_REPAIR = re.compile(r"[ -%'-~\t\n]*")
_QUOTES = str.maketrans("‘’‚‛“”„‟", "''''\"\"\"\"")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


def clean_text(text: str, how: Clean) -> str:
    """Clean a text: repaired, HTML entities resolved, then as `how` says.

    `whitespace` makes every run of blanks one, `lower` lowers besides, `canonicalize` (SigLIP)
    drops ASCII punctuation too; `none` leaves the text alone.
    """
    if how == "none":
        return text
    text = _repaired(text).strip()
    if how == "canonicalize":
        return " ".join(text.replace("_", " ").translate(_NO_PUNCTUATION).lower().split())
    text = " ".join(text.split())
    return text.lower() if how == "lower" else text


def _repaired(text: str) -> str:
    """What ftfy makes of it; it is asked only for texts that it might change."""
    if _NEEDS_NO_REPAIR.fullmatch(text):
        return text
    try:
        import ftfy
    except ImportError:  # it comes with open_clip; without it the common repairs are made here
        text = unicodedata.normalize("NFC", text).translate(_QUOTES)
    else:
        text = ftfy.fix_text(text)
    import html  # its table of entities takes its time, and few texts need it

    return html.unescape(html.unescape(text))
