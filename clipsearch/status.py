"""How a collection stands: what it holds, and whether it is whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from clipsearch.catalogue import Catalogue, Indexed, caption_files, caption_rows, reading, staging
from clipsearch.errors import CatalogueDamaged, GenerationDamaged
from clipsearch.indexes import Generation, generations, open_generation, verify_generation
from clipsearch.search import open_named
from clipsearch.settings import GENERATIONS
from clipsearch.towers import usable
from clipsearch.values import Embeddings, Ids, TowerIdentity

# An index may hold fp16 of what the catalogue holds; both are of unit length.
ROUNDING = 1e-2
# So many damaged images are named; a message with all of them might fill the screen.
NAMED = 20


@dataclass(frozen=True, slots=True)
class CollectionStatus:
    """A collection in numbers. `bytes` is what its folder takes on the disk.

    `captions` counts captions and lists of keywords by their source, `caption_tables` are the
    tables that are read at each `ingest`. Where a migration was begun and stands unfinished,
    `migrating_to` is its tower, and `migrated` says how many images have an embedding of it.
    """

    name: str
    folder: Path
    tower: TowerIdentity
    images: int
    files: int
    skipped: int
    captions: Mapping[str, int]
    caption_tables: tuple[Path, ...]
    roots: tuple[Path, ...]
    index_kind: str | None
    index_generation: int | None
    index_images: int
    bytes: int
    migrating_to: TowerIdentity | None = None
    migrated: int = 0


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What `verify` found; no faults means that catalogue and index are whole and agree."""

    images: int
    faults: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults


def status_of(catalogue: Catalogue, name: str, folder: Path) -> CollectionStatus:
    """Count what a collection holds."""
    named = catalogue.generation()
    index = open_named(catalogue, folder / GENERATIONS, named) if named else None
    with catalogue.snapshot() as connection:
        begun = staging.target(connection)
        return CollectionStatus(
            name=name,
            folder=folder,
            tower=catalogue.tower(),
            images=reading.count_embeddings(connection),
            files=reading.count_files(connection),
            skipped=len(reading.all_skips(connection)),
            captions=caption_rows.count_by_source(connection),
            caption_tables=tuple(table.path for table in caption_files.tables(connection)),
            roots=tuple(reading.known_roots(connection, "given")),
            index_kind=index.index.kind if index else None,
            index_generation=named.number if named else None,
            index_images=len(index.index) if index else 0,
            bytes=sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
            migrating_to=begun,
            migrated=staging.count_staged(connection) if begun else 0,
        )


def verify_collection(catalogue: Catalogue, folder: Path) -> VerifyReport:
    """Check every page of the catalogue, every byte of the index, and that they agree."""
    faults = [f"catalogue: {fault}" for fault in catalogue.faults()]
    with catalogue.reader() as connection:
        images = reading.count_embeddings(connection)
        last = reading.last_image_id(connection)
        unembedded = reading.count_unembedded(connection)
    if unembedded:
        faults.append(f"catalogue: {unembedded} images have no embedding")
    faults += _later_indexes(folder / GENERATIONS, last)
    named, held = catalogue.generation(), None
    if named is not None:
        try:
            verify_generation(folder / GENERATIONS, named.number)
            number = open_named(catalogue, folder / GENERATIONS, named).number
            held = open_generation(folder / GENERATIONS, number)
        except GenerationDamaged as error:
            faults.append(f"index: {error}")
    try:
        captions = _checked_caption_index(catalogue, folder)
    except GenerationDamaged as error:
        captions = None
        faults.append(f"index of captions: {error}")
    try:
        faults += _embedding_faults(catalogue, held)
        faults += _caption_faults(catalogue, captions)
    except CatalogueDamaged as error:
        faults.append(f"catalogue: {error.detail}")
    return VerifyReport(images, tuple(faults))


def _checked_caption_index(catalogue: Catalogue, folder: Path) -> Generation | None:
    """The index of captions, every byte of it checked; none where no caption is indexed."""
    named, place = catalogue.generation(Indexed.CAPTIONS), folder / Indexed.CAPTIONS.folder
    if named is None:
        return None
    verify_generation(place, named.number)
    return open_generation(place, open_named(catalogue, place, named, Indexed.CAPTIONS).number)


def _caption_faults(catalogue: Catalogue, held: Generation | None) -> list[str]:
    """Every embedding of a caption is whole, and is what the index was made from."""
    damaged = _damaged(catalogue.caption_chunks(), held)
    if not damaged:
        return []
    with catalogue.reader() as connection:
        images = caption_rows.captioned_images(connection, damaged)
    count = (
        f"{len(damaged)} captions have damaged embeddings"
        if damaged[1:]
        else "1 caption has a damaged embedding"
    )
    return [f"catalogue: {count}: {_way_out(images)}"]


def _embedding_faults(catalogue: Catalogue, held: Generation | None) -> list[str]:
    """Every embedding of an image is whole, and is what the index was made from."""
    damaged = _damaged(catalogue.embeddings_as_they_stand(), held)
    if not damaged:
        return []
    count = (
        f"{len(damaged)} images have damaged embeddings"
        if damaged[1:]
        else "1 image has a damaged embedding"
    )
    return [f"catalogue: {count}: {_way_out(damaged)}"]


def _damaged(chunks: Iterable[tuple[Ids, Embeddings]], held: Generation | None) -> list[int]:
    """The ids, ascending, of embeddings without their width or unit length or unlike `held`."""
    damaged: list[int] = []
    for ids, rows in chunks:
        good = usable(rows)
        damaged += ids[~good].tolist()
        if held is not None:
            damaged += _unlike_the_index(held, ids[good], rows[good])
    return sorted(damaged)


def _way_out(image_ids: Sequence[int]) -> str:
    """What to do about images whose embeddings, or whose captions', are damaged."""
    named = " ".join(f"--id {image_id}" for image_id in image_ids[:NAMED])
    more = ", and so on" if image_ids[NAMED:] else ""
    return (
        f"take out what is damaged (`clipsearch remove {named}`{more}) "
        "and index its file again (`clipsearch index`)"
    )


def _unlike_the_index(held: Generation, ids: Ids, rows: Embeddings) -> list[int]:
    """Those of `ids` (ascending) whose embeddings are not the index's, rounding aside."""
    known, stored = held.index.stored_rows(ids)
    apart = np.abs(rows[np.isin(ids, known)] - stored).max(axis=1, initial=0.0)
    unlike: list[int] = known[~(apart <= ROUNDING)].tolist()
    return unlike


def _later_indexes(folder: Path, last: int) -> list[str]:
    """An index that holds later images than the catalogue ever gave an id is of another time."""
    faults = []
    for number in generations(folder):
        try:
            held = open_generation(folder, number).last_id
        except GenerationDamaged:
            continue  # said where it is the named one; another is of no use to anybody
        if held > last:
            faults.append(
                f"catalogue: it is older than its index, which holds image {held} where the "
                f"catalogue never gave an id above {last} (was its -wal file removed, or an "
                "older copy put in its place?): index the folders again"
            )
    return faults
