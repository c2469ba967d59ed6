"""Tables of captions: CSV, TSV and JSONL, a picture and a caption a line.

The column of the picture is called filepath, image, path or file_name; that of the caption title,
caption or text; a column split may be there.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path, PurePosixPath

from clipsearch.captions.captioned import Row
from clipsearch.captions.tars import Tar
from clipsearch.values import Skip, SkipCode

TABLES = (".csv", ".tsv", ".jsonl")
IMAGE_KEYS = ("filepath", "image", "path", "file_name")
TEXT_KEYS = ("title", "caption", "text")
LONGEST_CAPTION = 1 << 16
LONGEST_FIELD = 1 << 24

Line = tuple[int, Mapping[str, object] | str]
"""The number of a line, and its fields; or what is wrong with it."""


def table_rows(
    table: Path, split: str | None, root: Path | None, skips: list[Skip]
) -> Iterator[Row]:
    """Yield the rows of a table that belong to the split. Raises OSError, SourceUnreadable."""
    base = root or table.parent
    packed = table.with_suffix(".tar")
    tar = Tar(packed, skips) if packed.is_file() else None
    for number, fields in _lines(table):
        fault = fields if isinstance(fields, str) else _fault(fields)
        if fault or isinstance(fields, str):
            skips.append(Skip(table, SkipCode.UNREADABLE, f"line {number}: {fault}"))
            continue
        if split is not None and fields.get("split") != split:
            continue
        name = _first(fields, IMAGE_KEYS) or ""
        yield Row(name, _first(fields, TEXT_KEYS) or "", _reader(base, name, tar))


def _lines(table: Path) -> Iterator[Line]:
    return _json_lines(table) if table.suffix.lower() == ".jsonl" else _csv_lines(table)


def _csv_lines(table: Path) -> Iterator[Line]:
    csv.field_size_limit(LONGEST_FIELD)
    delimiter = "\t" if table.suffix.lower() == ".tsv" else ","
    with table.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as lines:
        rows = csv.DictReader(lines, delimiter=delimiter)
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
    with table.open(encoding="utf-8-sig", errors="surrogateescape") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                found = json.loads(line)
            except (ValueError, RecursionError):
                found = None
            yield number, found if isinstance(found, dict) else "it is no JSON object"


def _fault(fields: Mapping[str, object]) -> str | None:
    name, caption = _first(fields, IMAGE_KEYS), _first(fields, TEXT_KEYS)
    if not name:
        return "it names no picture"
    if "\0" in name or (caption and "\0" in caption):
        return "it holds a NUL"
    if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
        return "its picture would lie outside the folder"
    if caption and len(caption) > LONGEST_CAPTION:
        return "its caption is too long"
    if caption and any("\udc80" <= char <= "\udcff" for char in caption):
        return "it is no UTF-8"
    return None


def _first(fields: Mapping[str, object], keys: Iterable[str]) -> str | None:
    return next((str(fields[key]) for key in keys if fields.get(key) is not None), None)


def _reader(base: Path, name: str, tar: Tar | None) -> Callable[[], bytes]:
    if tar is not None and name in tar.members:
        return partial(tar.read, name)
    return (base / name).read_bytes
