"""Finds images by their captions: each image counts with the caption nearest to the query."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from clipsearch.catalogue import Catalogue, Indexed, Reading
from clipsearch.catalogue.caption_rows import (
    CaptionRows,
    caption_chunks,
    caption_ids_of,
    captions_of,
)
from clipsearch.indexes import Index
from clipsearch.indexes.protocol import Scores
from clipsearch.search.named_index import NamedIndex
from clipsearch.values import Embeddings, Ids

# Asked for beyond k, as by `Searcher`; several captions of one image count once.
MARGIN = 32


@dataclass(frozen=True, slots=True, eq=False)
class NearestCaptions:
    """Images by their nearest caption, best first; equal scores stand in ascending image id.

    `image_ids` and `caption_ids` are int64 [n], each image once; `scores` float32 [n] are the
    cosines of query and caption.
    """

    image_ids: Ids
    caption_ids: Ids
    scores: Scores

    def __len__(self) -> int:
        return len(self.image_ids)


class CaptionSearcher:
    """Searches the captions of one collection. Safe from several threads.

    Like the images' index, that of captions may be older than the catalogue: newer captions are
    scored straight from it, removed ones are dropped, and every score is the catalogue's.
    """

    def __init__(self, catalogue: Catalogue, folder: Path) -> None:
        """Take the catalogue and the collection's folder; no index is opened yet."""
        self._index = NamedIndex(catalogue, folder, Indexed.CAPTIONS)
        self._dim = self._index.tower.dim

    def nearest(
        self, connection: Reading, query: Embeddings, k: int, allowed: Ids | None
    ) -> NearestCaptions:
        """The `k` images whose captions are nearest to `query` [1, dim]; fewer if there are fewer.

        `connection` is a snapshot of the catalogue, `allowed` the image ids that may be found
        (None: all). Raises ValueError for k < 1, TowerReplaced, GenerationDamaged.
        """
        if k < 1:
            raise ValueError(f"k must be at least 1, not {k}")
        asked = np.asarray(query, np.float32).reshape(1, self._dim)
        generation = self._index.at(connection)
        chunks = caption_chunks(connection, generation.last_id if generation else 0, self._dim)
        found = [_scored(rows.of_images(allowed), asked[0]) for rows in chunks]
        if generation is not None:
            found.append(self._indexed(connection, generation.index, asked, k, allowed))
        return _best(found, k)

    def _indexed(
        self, connection: Reading, index: Index, query: Embeddings, k: int, allowed: Ids | None
    ) -> NearestCaptions:
        """Captions of the index that still stand, enough for `k` images if there are so many."""
        own = None if allowed is None else caption_ids_of(connection, allowed)
        asked = k + MARGIN
        while True:
            proposed = index.search(query, asked, own)
            standing = captions_of(connection, proposed.ids[0].tolist(), self._dim)
            exhausted = proposed.ids.shape[1] < asked
            if exhausted or len(np.unique(standing.image_ids)) >= k + MARGIN // 2:
                return _scored(standing, query[0])
            asked *= 2


def _scored(rows: CaptionRows, query: Embeddings) -> NearestCaptions:
    """Every caption with its cosine, in the order given."""
    # one dot product a row: equal embeddings score equally, whatever stands beside them
    scores = np.vecdot(rows.embeddings, query)
    return NearestCaptions(rows.image_ids, rows.ids, np.asarray(scores, np.float32))


def _best(parts: Iterable[NearestCaptions], k: int) -> NearestCaptions:
    """The `k` best images of all parts, each with its best caption; of equals the older one."""
    nothing = NearestCaptions(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))
    held = [nothing, *parts]
    image_ids = np.concatenate([part.image_ids for part in held])
    caption_ids = np.concatenate([part.caption_ids for part in held])
    scores = np.concatenate([part.scores for part in held])
    best_first = np.lexsort((caption_ids, -scores))
    _, first = np.unique(image_ids[best_first], return_index=True)
    chosen = best_first[first]
    chosen = chosen[np.lexsort((image_ids[chosen], -scores[chosen]))][:k]
    return NearestCaptions(image_ids[chosen], caption_ids[chosen], scores[chosen])
