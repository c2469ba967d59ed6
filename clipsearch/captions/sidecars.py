"""Captions in a file beside a picture: a .txt with one a line, or a .json as of img2dataset."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from clipsearch.values import LONGEST_CAPTION, Caption

SOURCE = "sidecar"
_CAPTIONS = ("caption", "captions", "title", "description")
_KEYWORDS = ("keywords", "tags")


@dataclass(frozen=True, slots=True)
class SidecarText:
    """What a sidecar says, and what of it cannot be used."""

    captions: tuple[Caption, ...] = ()
    faults: tuple[str, ...] = ()


def sidecar_text(name: str, data: bytes) -> SidecarText:
    """Read the bytes of a sidecar by the ending of its name; it never fails.

    A .json is an object; of its texts the caption, captions, title and description are captions
    (a title that is a file's name is none), keywords and tags are lists or texts with commas.
    """
    try:
        text = data.decode(encoding_by_mark(data))
    except UnicodeError:
        return SidecarText(faults=("it is no UTF-8: save it as that",))
    if name.lower().endswith(".json"):
        return _json_text(text)
    # of all that ends a line, only what every editor takes for it: the rest stays in the text
    return _checked(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), ())


def encoding_by_mark(start: bytes) -> str:
    """The encoding that a byte-order mark says; UTF-8 without one (also behind its own)."""
    return "utf-16" if start[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"


def _json_text(text: str) -> SidecarText:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return SidecarText(faults=("it is no JSON",))
    if not isinstance(found, dict):
        return SidecarText(faults=("it is no JSON object",))
    titles = [text for text in _texts(found, _CAPTIONS) if not _is_file_name(text)]
    words = [part for text in _texts(found, _KEYWORDS) for part in text.split(",")]
    return _checked(titles, words)


def _texts(found: Mapping[str, object], keys: Iterable[str]) -> list[str]:
    """The texts under those keys, alone or in lists; what is no text says nothing."""
    values = (found.get(key) for key in keys)
    listed = (each for value in values for each in (value if isinstance(value, list) else [value]))
    return [text for text in listed if isinstance(text, str)]


def _is_file_name(text: str) -> bool:
    """Whether a title is only what the picture was called, as photo services export it."""
    ending = PurePosixPath(text).suffix
    return 3 <= len(ending) <= 5 and ending[1:].isalnum() and " " not in text


def _checked(texts: Iterable[str], words: Iterable[str]) -> SidecarText:
    captions = [Caption(text.strip(), SOURCE) for text in texts if text.strip()]
    keywords = ", ".join(dict.fromkeys(word.strip() for word in words if word.strip()))
    if keywords:
        captions.append(Caption(keywords, SOURCE, "keywords"))
    good = tuple(dict.fromkeys(one for one in captions if len(one.text) <= LONGEST_CAPTION))
    long = len(set(captions)) - len(good)
    fault = f"{long} of its captions are longer than {LONGEST_CAPTION:,} characters"
    return SidecarText(good, (fault,) if long else ())
