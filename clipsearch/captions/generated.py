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

from clipsearch.values import Caption, generated_source

LIST = ".clipsearch-generated.jsonl"
LARGEST = 1 << 26


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


def note_generated(folder: Path, text: str, source: str) -> None:
    """Bring to the disk that a text in this folder is a model's. Links are not followed; OSError.

    Do it before the text is written: what a crash leaves is then a line too many, never a text
    that passes for a person's.
    """
    line = json.dumps({"caption": text, "source": source}, ensure_ascii=False)
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    with os.fdopen(os.open(folder / LIST, flags, 0o644), "r+b", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        if size:
            file.seek(-1, os.SEEK_END)
            broken = file.read(1) != b"\n"  # half a line, of a crash
            line = f"\n{line}" if broken else line
        file.write(f"{line}\n".encode("utf-8", "replace"))
        os.fsync(file.fileno())


def _listed(file: Path) -> dict[str, str]:
    """Source by text; lines that are no such entry say nothing."""
    found = {}
    try:
        if file.is_symlink() or not file.is_file() or file.stat().st_size > LARGEST:
            return {}
        lines = file.read_bytes().split(b"\n")
    except OSError:
        return {}
    for line in lines:
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(entry, dict) and isinstance(text := entry.get("caption"), str):
            source = generated_source(entry.get("source"))
            if source is not None:
                found[text] = source
    return found
