"""Brings a collection's indexes, of images and of captions, up to its catalogue.

An index may lag: what is newer than its last id is scanned exactly at each query, and what was
removed is hidden. So a large index is made again only when enough has changed to pay for it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from clipsearch.catalogue import Catalogue, Indexed, NamedGeneration, Reading, reading
from clipsearch.catalogue.caption_rows import count_embedded, newest_embedded
from clipsearch.errors import GenerationDamaged
from clipsearch.indexes import Recipe, choose_recipe, open_generation, publish, retire
from clipsearch.indexes import generations as published
from clipsearch.values import Embeddings, Ids, TowerIdentity

# An index up to this size is made again at every change: it takes a fraction of a second.
SMALL = 20_000
# A larger one when its tail of new images, or the removed ones, pass this share of it.
LAG = 0.02
KEPT_GENERATIONS = 2


@dataclass(frozen=True, slots=True)
class _Content:
    """What one kind of index is made from."""

    count: Callable[[Reading], int]
    newest: Callable[[Reading], int]
    chunks: Callable[[Catalogue], Iterator[tuple[Ids, Embeddings]]]


_CONTENTS = {
    Indexed.IMAGES: _Content(
        reading.count_embeddings, reading.newest_id, Catalogue.embedding_chunks
    ),
    Indexed.CAPTIONS: _Content(count_embedded, newest_embedded, Catalogue.caption_chunks),
}


def bring_index_up(
    catalogue: Catalogue, folder: Path, indexed: Indexed = Indexed.IMAGES, tail: int = 0
) -> bool:
    """Publish a new generation if the named one lags too far; returns whether it did.

    Up to `tail` new or removed rows are no reason to.
    """
    if not _lags(catalogue, folder, indexed, tail):
        return False
    publish_generation(catalogue, folder, indexed=indexed)
    return True


def publish_generation(
    catalogue: Catalogue,
    folder: Path,
    recipe: Recipe | None = None,
    indexed: Indexed = Indexed.IMAGES,
) -> None:
    """Make the index from the catalogue, publish it, and let the catalogue name it."""
    content = _CONTENTS[indexed]
    with catalogue.reader() as connection:
        count = content.count(connection)
    generations, tower = folder / indexed.folder, catalogue.tower()
    named = publish_chunks(generations, tower, content.chunks(catalogue), count, recipe)
    catalogue.name_generation(named, indexed)
    retire(generations, keep=KEPT_GENERATIONS)


def rebuild_indexes(catalogue: Catalogue, folder: Path, recipe: Recipe | None = None) -> None:
    """Make the index of images anew by a recipe, and that of captions if there are any."""
    publish_generation(catalogue, folder, recipe)
    with catalogue.reader() as connection:
        captions = count_embedded(connection)
    if captions or catalogue.generation(Indexed.CAPTIONS):
        publish_generation(catalogue, folder, indexed=Indexed.CAPTIONS)


def publish_chunks(
    generations: Path,
    tower: TowerIdentity,
    chunks: Iterable[tuple[Ids, Embeddings]],
    count: int,
    recipe: Recipe | None = None,
) -> NamedGeneration:
    """Publish an index of `count` embeddings of a tower in a folder; nobody names it yet."""
    generations.mkdir(exist_ok=True)
    number = max([0, *published(generations)]) + 1
    named = NamedGeneration(number, secrets.token_hex(8))
    stamp = {"tower": tower.digest, "key": named.key}
    publish(generations, number, recipe or choose_recipe(count, tower.dim), chunks, stamp)
    return named


def _lags(catalogue: Catalogue, folder: Path, indexed: Indexed, tail: int) -> bool:
    named, content = catalogue.generation(indexed), _CONTENTS[indexed]
    with catalogue.reader() as connection:
        count = content.count(connection)
        newest = content.newest(connection)
    if named is None:
        return count > tail
    try:
        held = open_generation(folder / indexed.folder, named.number)
    except GenerationDamaged:
        return True
    if held.stamp.get("key") != named.key:
        return True
    if held.last_id == newest and len(held.index) == count:
        return False
    changed = abs(newest - held.last_id) + max(0, len(held.index) - count)
    return changed > tail and (count <= SMALL or changed > LAG * len(held.index))
