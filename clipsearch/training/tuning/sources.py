"""Where captioned pictures come from: tables, folders, shards, or a collection.

A `.csv`, `.tsv` or `.jsonl` names pictures (`filepath`), captions (`title`) and perhaps a
`split`; the pictures lie beside it, or in a tar of its name. In a folder a caption stands in a
`.txt` of the picture's name, one a line. Webdataset shards (`shards/{00..99}.tar`) hold a picture
and a `.txt` of one stem. Tars are read in place; nothing is unpacked.
"""

from __future__ import annotations

import csv
import json
import re
import tarfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path, PurePosixPath

from clipsearch.training.tuning.material import Pictured, PictureSet, by_content
from clipsearch.training_errors import EmptySplit
from clipsearch.values import Image, Skip, SkipCode

PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".avif", ".heic")
IMAGE_KEYS = ("filepath", "image", "path", "file_name")
TEXT_KEYS = ("title", "caption", "text")
MOST_MEMBERS = 1_000_000
LONGEST_FIELD = 1 << 20

_SHARDS = re.compile(r"\{(\d+)\.\.(\d+)\}")

Row = tuple[str, str, str]
"""Picture, caption, split; each perhaps empty."""


def read_set(source: str, split: str | None = None) -> PictureSet:
    """Read captioned pictures, one for each content, with what was left out.

    Without `split` all rows are taken. Raises EmptySplit where there is no such source.
    """
    skips: list[Skip] = []
    if _SHARDS.search(source) or source.endswith(".tar"):
        found = [pair for shard in shards_of(source) for pair in _shard_pairs(shard, skips)]
    elif Path(source).is_dir():
        found = list(_folder_pairs(Path(source), skips))
    elif Path(source).is_file():
        found = list(_table_pairs(Path(source), split, skips))
    else:
        raise EmptySplit(f"{source} (no such file or folder)", "reading")
    named = f"{source} ({split})" if split else source
    return by_content(named, list(_pictured(found, skips)), skips)


def splits_of(source: str) -> set[str]:
    """The splits that a table names; none for other sources."""
    path = Path(source)
    if not path.is_file() or path.suffix == ".tar":
        return set()
    return {split for _, _, split in _rows(path, []) if split}


def collection_set(name: str, images: Iterable[Image]) -> PictureSet:
    """The pictures of a collection with the captions that it holds."""
    found = [
        Pictured(image.path, tuple(each.text for each in image.captions), image.path.read_bytes)
        for image in images
        if image.path is not None and image.captions
    ]
    return by_content(f"the collection {name}", found, ())


def shards_of(source: str) -> list[Path]:
    """The files that `{0000..0099}` stands for."""
    found = _SHARDS.search(source)
    if found is None:
        return [Path(source)]
    first, last = found.groups()
    numbers = (str(at).zfill(len(first)) for at in range(int(first), int(last) + 1))
    return [Path(source[: found.start()] + at + source[found.end() :]) for at in numbers]


class Tar:
    """A tar whose pictures are read where they lie; links and odd names are left out."""

    def __init__(self, path: Path, skips: list[Skip]) -> None:
        self._lock = threading.Lock()
        try:
            self._tar = tarfile.open(path)  # noqa: SIM115  it is read during the whole run
            self.members = dict(self._safe(path, skips))
        except (OSError, tarfile.TarError) as error:
            raise EmptySplit(f"{path} (no readable tar: {error})", "reading") from error

    def read(self, name: str) -> bytes:
        """The bytes of a member; OSError for one that is not there."""
        with self._lock:
            member = self.members.get(name)
            opened = self._tar.extractfile(member) if member else None
            if opened is None:
                raise FileNotFoundError(2, "it is not in the tar", name)
            return opened.read()

    def _safe(self, path: Path, skips: list[Skip]) -> Iterator[tuple[str, tarfile.TarInfo]]:
        for count, member in enumerate(self._tar):
            if count >= MOST_MEMBERS:
                raise OSError(f"it has more than {MOST_MEMBERS} members")
            outside = member.name.startswith("/") or ".." in PurePosixPath(member.name).parts
            if outside or not (member.isfile() or member.isdir()):
                reason = "a member outside the tar, a link or a device"
                skips.append(Skip(path / member.name.lstrip("/"), SkipCode.NOT_A_FILE, reason))
            elif member.isfile():
                yield member.name.removeprefix("./"), member


Pair = tuple[Path, str, Callable[[], bytes]]
"""Where a picture lies, one caption of it, how it is read."""


def _pictured(pairs: Iterable[Pair], skips: list[Skip]) -> Iterator[Pictured]:
    """One picture with all its captions for each place; a picture without words is left out."""
    captions: dict[Path, list[str]] = {}
    readers = {}
    for path, caption, read in pairs:
        readers[path] = read
        captions.setdefault(path, []).extend([caption.strip()] if caption.strip() else [])
    for path, own in captions.items():
        if own:
            yield Pictured(path, tuple(own), readers[path])
        else:
            skips.append(Skip(path, SkipCode.UNREADABLE, "it has no caption"))


def _table_pairs(table: Path, split: str | None, skips: list[Skip]) -> Iterator[Pair]:
    packed = table.with_suffix(".tar")
    tar = Tar(packed, skips) if packed.is_file() else None
    for name, caption, own_split in _rows(table, skips):
        if split is not None and own_split != split:
            continue
        path = table.parent / name
        in_tar = tar is not None and name in tar.members
        yield path, caption, partial(tar.read, name) if tar and in_tar else path.read_bytes


def _rows(table: Path, skips: list[Skip]) -> Iterator[Row]:
    """The rows of a table; a line that cannot be understood is left out with its number."""
    read = _json_rows if table.suffix == ".jsonl" else _csv_rows
    for number, row in read(table):
        name, caption = _first(row, IMAGE_KEYS), _first(row, TEXT_KEYS)
        if not name or caption is None or "\0" in name or None in row.values():
            reason = f"line {number} names no picture with a caption"
            skips.append(Skip(table, SkipCode.UNREADABLE, reason))
        else:
            yield name, caption, _first(row, ("split",)) or ""


def _csv_rows(table: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    csv.field_size_limit(LONGEST_FIELD)
    delimiter = "\t" if table.suffix == ".tsv" else ","
    with table.open(newline="", encoding="utf-8-sig", errors="replace") as lines:
        rows = csv.DictReader((line.replace("\0", "\ufffd") for line in lines), delimiter=delimiter)
        try:
            for row in rows:
                yield rows.line_num, row
        except csv.Error as error:
            yield rows.line_num, {"error": str(error)}


def _json_rows(table: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    with table.open(encoding="utf-8-sig", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            try:
                row = json.loads(line)
            except ValueError:
                row = None
            yield number, row if isinstance(row, dict) else {}


def _first(row: Mapping[str, object], keys: Iterable[str]) -> str | None:
    return next((str(row[key]) for key in keys if row.get(key) is not None), None)


def _folder_pairs(folder: Path, skips: list[Skip]) -> Iterator[Pair]:
    for path in sorted(each for each in folder.rglob("*") if each.suffix.lower() in PICTURES):
        sidecar = path.with_suffix(".txt")
        lines = sidecar.read_text("utf-8-sig", "replace") if sidecar.is_file() else ""
        yield from ((path, line, path.read_bytes) for line in lines.splitlines() or [""])
    for words in sorted(folder.rglob("*.txt")):
        if not any(words.with_suffix(end).exists() for end in PICTURES):
            skips.append(Skip(words, SkipCode.UNREADABLE, "a caption without a picture"))


def _shard_pairs(shard: Path, skips: list[Skip]) -> Iterator[Pair]:
    tar = Tar(shard, skips)
    for name in tar.members:
        stem, _, ending = name.rpartition(".")
        if f".{ending.lower()}" in PICTURES:
            words = f"{stem}.txt"
            text = tar.read(words).decode("utf-8", "replace") if words in tar.members else ""
            yield shard / name, text, partial(tar.read, name)
