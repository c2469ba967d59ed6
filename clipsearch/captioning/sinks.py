"""Where captions are written on the disk: beside the pictures, or into one table."""

from __future__ import annotations

import csv
import io
import os
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from clipsearch.caption_writing import WrittenCaption
from clipsearch.captioning_errors import TableInTheWay
from clipsearch.captions import GeneratedNotes
from clipsearch.durable import named_disk_errors, write_durably
from clipsearch.errors import HomeUnwritable
from clipsearch.values import Skip, SkipCode

_UNSEEN = frozenset({"Cc", "Cs", "Cn"})  # Cf joins letters and emoji
COLUMNS = ("filepath", "title", "confidence", "source")


class Sink(Protocol):
    """Takes captions of files."""

    def wants(self, path: Path) -> bool:
        """Whether a file is still without a caption here."""

    def put(self, path: Path, caption: WrittenCaption) -> Skip | None:
        """Write a caption, whole or not at all; a Skip says why it could not be. StorageFull."""

    def close(self) -> None:
        """Bring everything to the disk."""


class Nowhere:
    """Keeps nothing: the captions are only shown."""

    def wants(self, path: Path) -> bool:
        """Every file's."""
        return True

    def put(self, path: Path, caption: WrittenCaption) -> Skip | None:
        """Nothing is kept."""
        return None

    def close(self) -> None:
        """Nothing was opened."""


class Sidecars:
    """A .txt beside each picture, of the picture's name, with its caption as the only line.

    A list in the folder notes who wrote it, so that `index` does not take it for a person's.
    """

    def __init__(self, source: str, *, overwrite: bool = False) -> None:
        """Take the source of the captions, and whether to replace what stands, whoever wrote it."""
        self._source, self._overwrite = source, overwrite
        self._written: set[Path] = set()
        self._notes = GeneratedNotes()

    def wants(self, path: Path) -> bool:
        """Whether there is no sidecar; with `overwrite`, none of this run."""
        sidecar = path.with_suffix(".txt")
        if self._overwrite:
            return sidecar not in self._written  # of a.jpg and a.png the first has it
        return not os.path.lexists(sidecar)

    def put(self, path: Path, caption: WrittenCaption) -> Skip | None:
        """Write the sidecar. Links and folders of its name stay. Raises StorageFull."""
        sidecar = path.with_suffix(".txt")
        if not self.wants(path):
            return None
        text = one_line(caption.text)

        def write() -> None:
            self._notes.note(sidecar.parent, text, self._source)
            write_durably(sidecar, f"{text}\n".encode())

        refused = written_or_skip(sidecar, write)
        if refused is None:
            self._written.add(sidecar)
        return refused

    def close(self) -> None:
        """Each is on the disk already."""


def one_line(text: str) -> str:
    """A caption without line ends and control characters, which files of captions cannot hold."""
    kept = "".join(" " if unicodedata.category(char) in _UNSEEN else char for char in text)
    return " ".join(kept.split())


def written_or_skip(sidecar: Path, write: Callable[[], None]) -> Skip | None:
    """Write a sidecar; a link or folder in its place, or a folder that refuses, is a Skip.

    Raises StorageFull.
    """
    if sidecar.is_symlink() or sidecar.is_dir():
        return Skip(sidecar, SkipCode.NOT_A_FILE, "it is a link or a folder, and was left as it is")
    try:
        with named_disk_errors(sidecar):
            write()
    except HomeUnwritable as error:
        return Skip(sidecar, SkipCode.UNREADABLE, f"its folder cannot be written: {error.reason}")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        return Skip(sidecar, SkipCode.UNREADABLE, f"it cannot be written: {reason}")
    return None


class CaptionTable:
    """A CSV of `filepath,title,confidence,source`, a line a picture, as `train` and `eval` read it.

    Paths are relative to the table's folder where they lie beneath it, else absolute. A table
    that stands is gone on with: its pictures are not wanted again. Each line is on the disk
    before the next picture is captioned; half a last line, of a crash, is cut off.
    """

    def __init__(self, path: Path, source: str, *, overwrite: bool = False) -> None:
        """Read what stands there. Raises TableInTheWay for a file that is no such table."""
        self._path, self._source = path, source
        self._base = path.absolute().parent
        self._known: set[str] = set()
        self._file: io.FileIO | None = None
        if overwrite or not path.exists() or not path.stat().st_size:
            with named_disk_errors(path):
                write_durably(path, _line(COLUMNS))
        else:
            self._known = self._names()

    def wants(self, path: Path) -> bool:
        """Whether the table has no line of this file."""
        return self._name(path) not in self._known

    def put(self, path: Path, caption: WrittenCaption) -> Skip | None:
        """Append a line. Raises StorageFull, HomeUnwritable."""
        name = self._name(path)
        sure = "" if caption.confidence is None else f"{caption.confidence:.4f}"
        row = _line((name, one_line(caption.text), sure, self._source))
        with named_disk_errors(self._path):
            if self._file is None:
                self._file = self._path.open("ab", buffering=0)
            self._file.write(row)
        self._known.add(name)
        return None

    def close(self) -> None:
        """Bring everything to the disk."""
        if self._file is not None:
            with named_disk_errors(self._path):
                os.fsync(self._file.fileno())
                self._file.close()
            self._file = None

    def _name(self, path: Path) -> str:
        absolute = path.absolute()
        if absolute.is_relative_to(self._base):
            return absolute.relative_to(self._base).as_posix()
        return str(absolute)

    def _names(self) -> set[str]:
        content = self._path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        lines = io.StringIO(whole.decode("utf-8", "surrogateescape"), newline="")
        try:
            header, *rows = csv.reader(lines, strict=True)
        except (ValueError, csv.Error) as error:
            raise TableInTheWay(self._path) from error
        if tuple(header) != COLUMNS:
            raise TableInTheWay(self._path)
        if whole != content:
            with named_disk_errors(self._path):
                write_durably(self._path, whole)
        return {row[0] for row in rows if row}


def _line(fields: tuple[str, ...]) -> bytes:
    written = io.StringIO(newline="")
    csv.writer(written, lineterminator="\n").writerow(fields)
    return written.getvalue().encode("utf-8", "surrogateescape")
