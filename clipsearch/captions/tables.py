"""Tables of captions: CSV, TSV and JSONL, a picture and a caption a line.

The column of the picture is called filepath, image, path or file_name; that of the caption title,
caption or text; a column split may be there.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import IO

from clipsearch.captions.captioned import Row
from clipsearch.captions.sidecars import encoding_by_mark
from clipsearch.captions.tars import Tar
from clipsearch.evaluation_errors import SourceUnreadable
from clipsearch.values import LONGEST_CAPTION, Caption, Skip, SkipCode, generated_source

TABLES = (".csv", ".tsv", ".jsonl")
IMAGE_KEYS = ("filepath", "image", "path", "file_name")
TEXT_KEYS = ("title", "caption", "text")
LONGEST_FIELD = 1 << 24

Line = tuple[int, Mapping[str, object] | str]
"""The number of a line, and its fields; or what is wrong with it."""

Columns = Sequence[Sequence[str]]
"""Columns that a table must have, each by the names that it may bear."""


@dataclass(frozen=True, slots=True)
class PicturedLine:
    """A line of a table: its number, its picture, all its fields, and the picture's bytes."""

    number: int
    name: str
    fields: Mapping[str, object]
    read: Callable[[], bytes]


def table_rows(
    table: Path, split: str | None, root: Path | None, skips: list[Skip]
) -> Iterator[Row]:
    """Yield the rows of a table that belong to the split. Raises OSError, SourceUnreadable."""
    for line in pictured_lines(table, root, skips):
        if split is None or line.fields.get("split") == split:
            yield Row(line.name, first_of(line.fields, TEXT_KEYS) or "", line.read)


def pictured_lines(
    table: Path, root: Path | None, skips: list[Skip], needed: Columns = (IMAGE_KEYS,)
) -> Iterator[PicturedLine]:
    """Yield the good lines of a table. Raises OSError, SourceUnreadable."""
    base = root or table.parent
    packed = table.with_suffix(".tar")
    tar = Tar(packed, skips) if packed.is_file() else None
    for number, fields in _good_lines(table, skips, needed):
        name = first_of(fields, IMAGE_KEYS) or ""
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            skips.append(bad_line(table, number, "its picture would lie outside the folder"))
        else:
            yield PicturedLine(number, name, fields, _reader(base, name, tar))


def named_captions(table: Path, skips: list[Skip]) -> Iterator[tuple[str, Caption]]:
    """Yield what a table calls its pictures, with a caption each; no picture is looked at.

    Where its column `source` names a model, the caption is that model's.

    Raises OSError, and SourceUnreadable for a table without a column of pictures or of captions.
    """
    for number, fields in _good_lines(table, skips, needed=(IMAGE_KEYS, TEXT_KEYS)):
        name, caption = first_of(fields, IMAGE_KEYS) or "", first_of(fields, TEXT_KEYS)
        if caption is None or not caption.strip():
            skips.append(bad_line(table, number, "it has no caption"))
        else:
            source = generated_source(fields.get("source")) or "table"
            yield name, Caption(caption.strip(), source)


def check_table(table: Path) -> None:
    """Raise SourceUnreadable or OSError unless a table's first lines say what it is."""
    if table.suffix.lower() not in TABLES:
        raise SourceUnreadable(str(table), "it is of an unknown kind")
    for _ in islice(_lines(table, (IMAGE_KEYS, TEXT_KEYS)), 1):
        pass


def _good_lines(
    table: Path, skips: list[Skip], needed: Columns = (IMAGE_KEYS,)
) -> Iterator[tuple[int, Mapping[str, object]]]:
    for number, fields in _lines(table, needed):
        fault = fields if isinstance(fields, str) else _fault(fields)
        if fault or isinstance(fields, str):
            skips.append(bad_line(table, number, fault or ""))
        else:
            yield number, fields


def bad_line(table: Path, number: int, fault: str) -> Skip:
    """What is left out of a table, and why."""
    return Skip(table, SkipCode.UNREADABLE, f"line {number}: {fault}")


def _lines(table: Path, needed: Columns) -> Iterator[Line]:
    if table.suffix.lower() == ".jsonl":
        return _json_lines(table)
    return _csv_lines(table, needed)


def _csv_lines(table: Path, needed: Columns) -> Iterator[Line]:
    csv.field_size_limit(LONGEST_FIELD)
    delimiter = "\t" if table.suffix.lower() == ".tsv" else ","
    with _opened(table, newline="") as lines:
        rows = csv.DictReader(lines, delimiter=delimiter)
        try:
            columns = rows.fieldnames or ()
        except csv.Error as error:
            raise SourceUnreadable(str(table), str(error)) from error
        for keys in needed:
            if not set(keys) & set(columns):
                wanted = ", ".join(keys)
                raise SourceUnreadable(str(table), f"it has no column {wanted}")
        while True:
            try:
                row = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                yield rows.line_num, str(error)
                continue
            yield rows.line_num, "it has more fields than the header" if None in row else row


def _json_lines(table: Path) -> Iterator[Line]:
    with _opened(table, newline=None) as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                found = json.loads(line)
            except (ValueError, RecursionError):
                found = None
            yield number, found if isinstance(found, dict) else "it is no JSON object"


def _opened(table: Path, newline: str | None) -> IO[str]:
    """The text of a table, UTF-8 unless a byte-order mark says otherwise."""
    with table.open("rb") as raw:
        encoding = encoding_by_mark(raw.read(2))
    errors = "surrogateescape" if encoding == "utf-8-sig" else "replace"
    return table.open(newline=newline, encoding=encoding, errors=errors)


def _fault(fields: Mapping[str, object]) -> str | None:
    name, caption = first_of(fields, IMAGE_KEYS), first_of(fields, TEXT_KEYS)
    if not name:
        return "it names no picture"
    if "\0" in name or (caption and "\0" in caption):
        return "it holds a NUL"
    if caption and len(caption) > LONGEST_CAPTION:
        return "its caption is too long"
    if any("\udc80" <= char <= "\udcff" for char in f"{name}{caption}"):
        return "it is no UTF-8: save it as that"
    return None


def first_of(fields: Mapping[str, object], keys: Iterable[str]) -> str | None:
    """The first of the fields of those names that is there."""
    return next((str(fields[key]) for key in keys if fields.get(key) is not None), None)


def _reader(base: Path, name: str, tar: Tar | None) -> Callable[[], bytes]:
    if tar is not None and name in tar:
        return partial(tar.read, name)
    return (base / name).read_bytes
