"""Where captioned pictures come from: tables, folders, shards, or a collection."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from clipsearch.captions import CaptionedSet, captioned_images, read_captioned
from clipsearch.training.tuning.material import Pictured, PictureSet, by_content
from clipsearch.values import Image

SPLITS = ("train", "dev", "val", "validation", "test")

_SHARDS = re.compile(r"\{(\d+)\.\.(\d+)\}")
_TABLES = (".csv", ".tsv", ".jsonl")


def read_set(source: str, split: str | None = None) -> PictureSet:
    """Read captioned pictures, one for each content, with what was left out.

    Of a table, only the rows of `split` are taken, where it is given. Raises SourceUnreadable.
    """
    given = [_pictured(path, split) for path in files_of(source)]
    pictures = [picture for found, _ in given for picture in found]
    skips = [skip for _, found in given for skip in found.skips]
    return by_content(f"{source} ({split})" if split else source, pictures, skips)


def splits_of(source: str) -> set[str]:
    """The usual splits that a table has rows of; none for other sources."""
    path = Path(source)
    if path.suffix.lower() not in _TABLES:
        return set()
    return {split for split in SPLITS if read_captioned(path, split).pictures}


def collection_set(name: str, images: Iterable[Image]) -> PictureSet:
    """The pictures of a collection with the captions that it holds."""
    found = captioned_images(f"the collection {name}", images)
    return by_content(found.source, _with_paths(found, Path()), found.skips)


def files_of(source: str) -> list[Path]:
    """The file or folder; or the shards that `{0000..0099}` stands for."""
    found = _SHARDS.search(source)
    if found is None:
        return [Path(source)]
    first, last = found.groups()
    numbers = (str(at).zfill(len(first)) for at in range(int(first), int(last) + 1))
    return [Path(source[: found.start()] + at + source[found.end() :]) for at in numbers]


def _pictured(path: Path, split: str | None) -> tuple[list[Pictured], CaptionedSet]:
    found = read_captioned(path, split)
    folder = path.parent if path.suffix.lower() in _TABLES else path
    return _with_paths(found, folder), found


def _with_paths(found: CaptionedSet, folder: Path) -> list[Pictured]:
    return [Pictured(folder / each.name, each.captions, each.read) for each in found.pictures]
