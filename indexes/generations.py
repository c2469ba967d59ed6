"""Published indexes on disk: folders that are whole or not there, and never change.

    FOLDER/000007/index.faiss    the FAISS index, opened as a memory map
    FOLDER/000007/ids.npy        the id of each of its rows, int64, ascending
    FOLDER/000007/manifest.json  what they are; written last

`publish`, `retire` and their order are the business of the one writer; readers need no lock.
A reader whose generation is retired keeps what it has mapped; one that comes too late gets
GenerationDamaged and asks the catalogue again which generation stands.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from clipsearch.durable import TEMPORARY, durable_folder, sweep
from clipsearch.errors import HomeUnwritable, StorageFull
from clipsearch.indexes.building import built
from clipsearch.indexes.files import opened, write_files
from clipsearch.indexes.manifest import (
    IDS,
    INDEX,
    MANIFEST,
    Manifest,
    check_digest,
    check_seal,
    manifest_bytes,
    read_manifest,
)
from clipsearch.indexes.recipes import Recipe
from clipsearch.indexes.searching import FaissIndex
from clipsearch.values import Embeddings, Ids

_NAME = re.compile(r"[0-9]{6,}")
_FULL = {errno.ENOSPC, errno.EDQUOT}


@dataclass(frozen=True, slots=True, eq=False)
class Generation:
    """A published index, opened.

    `folder` is its own; `recipe` is the one that made it (a `pq` that could not serve became
    `flat`); `count` embeddings of width `dim` with ids up to `last_id` (0 when empty); `stamp`
    is what the publisher gave.
    """

    number: int
    folder: Path
    recipe: Recipe
    dim: int
    count: int
    last_id: int
    stamp: Mapping[str, str]
    index: FaissIndex


def publish(
    folder: Path,
    number: int,
    recipe: Recipe,
    content: Iterable[tuple[Ids, Embeddings]],
    stamp: Mapping[str, str],
) -> Generation:
    """Make an index of `content`, write it durably as generation `number` and open it.

    `content` is chunks of ids int64 [n] and embeddings float32 [n, d], ids ascending
    throughout; at least one chunk, which may be empty, so that d is known. In memory stands
    the stored form (fp16 by default) and one chunk. Raises ValueError for other content, for a
    number that stands already or is below 1; StorageFull and HomeUnwritable from the disk, of
    which nothing remains.
    """
    place = _place(folder, number)
    if (place / MANIFEST).exists():
        raise ValueError(f"generation {number} stands already in {folder}")
    index = built(recipe, content)
    with _disk_errors(folder):
        shutil.rmtree(place, ignore_errors=True)  # without a manifest it is no generation
        with durable_folder(place) as temporary:
            _write(temporary, index, stamp)
    return open_generation(folder, number)


def _write(temporary: Path, index: FaissIndex, stamp: Mapping[str, str]) -> None:
    files = write_files(index, temporary)
    manifest = Manifest(
        recipe=index.recipe,
        dim=index.dim,
        count=len(index),
        last_id=index.last_id,
        files=files,
        stamp=dict(stamp),
    )
    with (temporary / MANIFEST).open("wb") as file:
        file.write(manifest_bytes(manifest))
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFull(folder) from error
        raise HomeUnwritable(folder, error.strerror or str(error)) from error


def open_generation(folder: Path, number: int) -> Generation:
    """Open generation `number` as a memory map, in about a millisecond.

    Sizes and mtimes are compared with the manifest; where an mtime differs, sha256 decides
    before FAISS sees the file. Raises GenerationDamaged, naming the generation's folder, for
    whatever is not as published, also when it is not there.
    """
    place = _place(folder, number)
    manifest = read_manifest(place)
    for name in (INDEX, IDS):
        check_seal(place / name, manifest.files[name])
    index = opened(place, manifest)
    return Generation(
        number=number,
        folder=place,
        recipe=manifest.recipe,
        dim=manifest.dim,
        count=manifest.count,
        last_id=manifest.last_id,
        stamp=manifest.stamp,
        index=index,
    )


def verify_generation(folder: Path, number: int) -> None:
    """Read all of generation `number`; raises GenerationDamaged unless it is as published."""
    place = _place(folder, number)
    manifest = read_manifest(place)
    for name in (INDEX, IDS):
        check_seal(place / name, manifest.files[name])
        check_digest(place / name, manifest.files[name])
    opened(place, manifest)


def generations(folder: Path) -> list[int]:
    """Return the numbers of the generations in the folder, ascending; none if it is not there."""
    if not folder.is_dir():
        return []
    return sorted(
        int(place.name)
        for place in folder.iterdir()
        if _NAME.fullmatch(place.name) and (place / MANIFEST).is_file()
    )


def retire(folder: Path, keep: int) -> None:
    """Remove all but the `keep` newest generations, and what killed writers left.

    Call it only while holding the collection's lock. Raises ValueError for `keep` < 1, and
    HomeUnwritable from the disk.
    """
    if keep < 1:
        raise ValueError(f"at least one generation must stay, not {keep}")
    with _disk_errors(folder):
        for number in generations(folder)[:-keep]:
            # Renamed first: a generation is never half there, even while it goes.
            place = _place(folder, number)
            place.rename(place.with_name(f".{place.name}.{os.getpid()}{TEMPORARY}"))
        sweep(folder)


def _place(folder: Path, number: int) -> Path:
    if number < 1:
        raise ValueError(f"generations count from 1, not {number}")
    return folder / f"{number:06d}"
