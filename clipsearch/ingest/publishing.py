"""Brings a collection's index up to its catalogue.

The index may lag: images newer than its last id are scanned exactly at each query, and removed
ones are hidden. So a large index is made again only when enough has changed to pay for it.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from pathlib import Path

from clipsearch.catalogue import Catalogue, NamedGeneration, reading
from clipsearch.errors import GenerationDamaged
from clipsearch.indexes import Recipe, choose_recipe, open_generation, publish, retire
from clipsearch.indexes import generations as published
from clipsearch.settings import GENERATIONS
from clipsearch.values import Embeddings, Ids, TowerIdentity

# An index up to this size is made again at every change: it takes a fraction of a second.
SMALL = 20_000
# A larger one when its tail of new images, or the removed ones, pass this share of it.
LAG = 0.02
KEPT_GENERATIONS = 2


def bring_index_up(catalogue: Catalogue, folder: Path, recipe: Recipe | None = None) -> bool:
    """Publish a new generation if the named one lags too far; returns whether it did."""
    if recipe is None and not _lags(catalogue, folder):
        return False
    publish_generation(catalogue, folder, recipe)
    return True


def publish_generation(catalogue: Catalogue, folder: Path, recipe: Recipe | None = None) -> None:
    """Make the index from the catalogue, publish it, and let the catalogue name it."""
    with catalogue.reader() as connection:
        count = reading.count_embeddings(connection)
    named = publish_chunks(folder, catalogue.tower(), catalogue.embedding_chunks(), count, recipe)
    catalogue.name_generation(named)
    retire(folder / GENERATIONS, keep=KEPT_GENERATIONS)


def publish_chunks(
    folder: Path,
    tower: TowerIdentity,
    chunks: Iterable[tuple[Ids, Embeddings]],
    count: int,
    recipe: Recipe | None = None,
) -> NamedGeneration:
    """Publish an index of `count` embeddings of a tower; nobody names it yet."""
    generations = folder / GENERATIONS
    generations.mkdir(exist_ok=True)
    number = max([0, *published(generations)]) + 1
    named = NamedGeneration(number, secrets.token_hex(8))
    stamp = {"tower": tower.digest, "key": named.key}
    publish(generations, number, recipe or choose_recipe(count, tower.dim), chunks, stamp)
    return named


def _lags(catalogue: Catalogue, folder: Path) -> bool:
    named = catalogue.generation()
    with catalogue.reader() as connection:
        count = reading.count_embeddings(connection)
        newest = reading.newest_id(connection)
    if named is None:
        return count > 0
    try:
        held = open_generation(folder / GENERATIONS, named.number)
    except GenerationDamaged:
        return True
    if held.stamp.get("key") != named.key:
        return True
    if held.last_id == newest and len(held.index) == count:
        return False
    changed = abs(newest - held.last_id) + max(0, len(held.index) - count)
    return count <= SMALL or changed > LAG * len(held.index)
