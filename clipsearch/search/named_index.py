"""The index generation that the catalogue names: opened once, and again when it names another."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

from clipsearch.catalogue import (
    Catalogue,
    Indexed,
    NamedGeneration,
    Reading,
    named_generation,
    reading,
)
from clipsearch.errors import GenerationDamaged
from clipsearch.indexes import Generation, on_gpu, open_generation
from clipsearch.migration_errors import TowerReplaced


class NamedIndex:
    """One index of a collection, of images or of captions. Safe from several threads."""

    def __init__(
        self, catalogue: Catalogue, folder: Path, indexed: Indexed = Indexed.IMAGES
    ) -> None:
        """Take the catalogue and the collection's folder; no index is opened yet."""
        self.tower = catalogue.tower()
        self._catalogue = catalogue
        self._folder = folder / indexed.folder
        self._indexed = indexed
        self._lock = threading.Lock()
        self._opened: tuple[NamedGeneration, Generation] | None = None

    def at(self, connection: Reading) -> Generation | None:
        """The generation that the catalogue names in that snapshot; None if it names none.

        Raises TowerReplaced where the collection went over to another tower meanwhile,
        GenerationDamaged.
        """
        if (now := reading.tower(connection)) != self.tower:
            raise TowerReplaced(self.tower, now)
        with self._lock:
            named = named_generation(connection, self._indexed)
            if named is None:
                return None
            if self._opened is None or self._opened[0] != named:
                opened = open_named(self._catalogue, self._folder, named, self._indexed)
                if opened.stamp.get("tower") != self.tower.digest:  # it came after our snapshot
                    raise TowerReplaced(self.tower, self._catalogue.tower())
                self._opened = (named, replace(opened, index=on_gpu(opened.index)))
            return self._opened[1]


def open_named(
    catalogue: Catalogue,
    folder: Path,
    named: NamedGeneration,
    indexed: Indexed = Indexed.IMAGES,
) -> Generation:
    """Open the named generation; if a writer retired it meanwhile, the one named now.

    Raises GenerationDamaged when it is not what the catalogue vouches for.
    """
    while True:
        try:
            generation = open_generation(folder, named.number)
            if generation.stamp.get("key") != named.key:
                raise GenerationDamaged(generation.folder, "it is not the one that was published")
            return generation
        except GenerationDamaged:
            now = catalogue.generation(indexed)
            if now is None or now == named:
                raise
            named = now
