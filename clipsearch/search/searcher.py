"""Finds the nearest images of an embedding: the index proposes, the catalogue decides.

The index may be older than the catalogue. Images newer than its last id are scored straight
from the catalogue, removed ones are not in it, and every score is taken in float32 from the
catalogue's own embedding: so the hits are the same whichever index proposed them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clipsearch.catalogue import Catalogue, Reading, reading
from clipsearch.indexes import Found, Generation, merge, scan
from clipsearch.search.named_index import NamedIndex
from clipsearch.values import Embeddings, Ids

# Asked for beyond k: the index's own scores are rounded (fp16), and the order is decided anew.
MARGIN = 32

Refuses = Callable[[Embeddings], NDArray[np.bool_]]
"""Which of the pictures [n, dim] are not to be found: bool [n]."""


@dataclass(frozen=True, slots=True, eq=False)
class _Among:
    """Which images may be found: ids (None: all), of those what is not refused."""

    allowed: Ids | None
    refuses: Refuses | None

    def kept(self, ids: Ids, held: Embeddings) -> tuple[Ids, Embeddings]:
        """Those that are not refused."""
        if self.refuses is None or not len(ids):
            return ids, held
        kept = ~self.refuses(held)
        return ids[kept], held[kept]


class Searcher:
    """Searches one collection. Safe from several threads."""

    def __init__(self, catalogue: Catalogue, folder: Path) -> None:
        self._catalogue = catalogue
        self._index = NamedIndex(catalogue, folder)
        self.tower = self._index.tower
        self._dim = self.tower.dim

    def nearest(
        self,
        connection: Reading,
        embedding: Embeddings,
        k: int,
        allowed: Ids | None,
        refuses: Refuses | None = None,
    ) -> Found:
        """The `k` images nearest to an embedding [dim], best first: [1, k] or fewer.

        `connection` is a snapshot of the catalogue, `allowed` the ids that may be found (None:
        all). What is refused gives its place to the next. Equal scores stand in ascending id.
        Raises TowerReplaced, GenerationDamaged.
        """
        query = np.asarray(embedding, dtype=np.float32).reshape(1, self._dim)
        generation = self._index.at(connection)
        among = _Among(allowed, refuses)
        found = self._newest(connection, generation, query, k, among)
        if generation is None:
            return found
        return merge(self._indexed(connection, generation, query, k, among), found, k)

    def neighbours(self, embeddings: Embeddings, k: int) -> Found:
        """The `k` nearest images of each of many embeddings [m, dim], as the index scores them.

        For whoever looks at each pair again: scores are those of the index, and images that were
        removed since it was made may be among them. Raises TowerReplaced.
        """
        with self._catalogue.snapshot() as connection:
            generation = self._index.at(connection)
            last = generation.last_id if generation else 0
            ids, held = reading.embeddings_after(connection, last, self._dim)
        newest = scan(embeddings, held, ids, k)
        if generation is None:
            return newest
        found = generation.index.search(embeddings, k)
        return merge(found, newest, k) if len(ids) else found

    def _indexed(
        self,
        connection: Reading,
        generation: Generation,
        query: Embeddings,
        k: int,
        among: _Among,
    ) -> Found:
        """The nearest among what the index holds and the catalogue still has."""
        asked = k + MARGIN
        while True:
            proposed = generation.index.search(query, asked, among.allowed)
            ids, held = reading.embeddings_of(connection, proposed.ids[0].tolist(), self._dim)
            ids, held = among.kept(ids, held)
            exhausted = proposed.ids.shape[1] < asked
            if exhausted or len(ids) >= k + MARGIN // 2:
                return scan(query, held, ids, k)
            asked *= 2

    def _newest(
        self,
        connection: Reading,
        generation: Generation | None,
        query: Embeddings,
        k: int,
        among: _Among,
    ) -> Found:
        """The nearest among the images that no index holds yet."""
        last = generation.last_id if generation else 0
        ids, held = reading.embeddings_after(connection, last, self._dim)
        if among.allowed is not None:
            kept = np.isin(ids, among.allowed)
            ids, held = ids[kept], held[kept]
        ids, held = among.kept(ids, held)
        return scan(query, held, ids, k)
