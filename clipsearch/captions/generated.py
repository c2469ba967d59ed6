"""Which texts beside pictures a model wrote: a list in their folder, for a .txt cannot say it.

`.clipsearch-generated.jsonl` has a line for each caption: its text and its source. A line of a
.txt that stands in the list of its folder is the model's; changed by so much as a letter it is
a person's. So the list goes with the folder, and needs no care when files are renamed in it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from clipsearch.durable import write_durably
from clipsearch.values import Caption, generated_source

LIST = ".clipsearch-generated.jsonl"
LONGEST_LINE = 1 << 20
"""Bytes; a longer line is no entry. So the list may be as long as its folder has captions."""


class GeneratedTexts:
    """The lists of folders, each read once."""

    def __init__(self) -> None:
        self._known: dict[Path, Mapping[str, str]] = {}

    def marked(self, folder: Path, captions: Iterable[Caption]) -> tuple[Caption, ...]:
        """The captions, those that the folder's list names with the source that it gives."""
        if folder not in self._known:
            self._known[folder] = _listed(folder / LIST)
        known = self._known[folder]
        return tuple(
            Caption(each.text, known.get(each.text, each.source), each.kind) for each in captions
        )


class GeneratedNotes:
    """Notes in the lists of folders which texts are a model's. Each list is read once."""

    def __init__(self) -> None:
        self._known: dict[Path, dict[str, str]] = {}

    def note(self, folder: Path, text: str, source: str) -> None:
        """Bring to the disk that a text in this folder is a model's; links are not followed.

        A text that is noted already takes no second line. Do it before the text is written: what
        a crash leaves is then a line too many, never a text that passes for a person's. Raises
        OSError.
        """
        if folder not in self._known:
            self._known[folder] = _compacted(folder / LIST)
        if self._known[folder].get(text) != source:
            _append(folder / LIST, text, source)
            self._known[folder][text] = source


def _append(file: Path, text: str, source: str) -> None:
    line = _line(text, source)
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    with os.fdopen(os.open(file, flags, 0o644), "r+b", buffering=0) as opened:
        size = opened.seek(0, os.SEEK_END)
        if size:
            opened.seek(-1, os.SEEK_END)
            broken = opened.read(1) != b"\n"  # half a line, of a crash
            line = b"\n" + line if broken else line
        opened.write(line)
        os.fsync(opened.fileno())


def _line(text: str, source: str) -> bytes:
    entry = json.dumps({"caption": text, "source": source}, ensure_ascii=False)
    return f"{entry}\n".encode("utf-8", "replace")


def _compacted(file: Path) -> dict[str, str]:
    """The list of a folder; where more lines stand in it than say something, it is made anew."""
    known = _listed(file)
    if known and _is_list(file):
        lean = b"".join(_line(text, source) for text, source in known.items())
        if len(lean) < file.stat().st_size:
            write_durably(file, lean)
    return known


def _is_list(file: Path) -> bool:
    return file.is_file() and not file.is_symlink()


def _listed(file: Path) -> dict[str, str]:
    """Source by text, the last line of a text counts; what is no such entry says nothing."""
    found = {}
    try:
        if not _is_list(file):
            return {}
        with file.open("rb") as lines:
            for line in iter(lambda: lines.readline(LONGEST_LINE), b""):
                if entry := _entry(line):
                    found[entry[0]] = entry[1]
    except OSError:
        return {}
    return found


def _entry(line: bytes) -> tuple[str, str] | None:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(entry, dict) or not isinstance(text := entry.get("caption"), str):
        return None
    source = generated_source(entry.get("source"))
    return None if source is None else (text, source)
