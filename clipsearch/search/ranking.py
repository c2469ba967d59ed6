"""Ranks the images of a collection: by all signals together, or by one alone.

The fused ranking is exact. Each signal gives its best images to a pool, in which every image
is weighed by all signals; the pool grows until nothing outside it could stand among the hits
(the threshold algorithm of Fagin, Lotem and Naor 2001). So the first five are the same whether
five or fifteen are asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clipsearch.catalogue import Catalogue, Reading, allowed_ids, reading
from clipsearch.catalogue.caption_texts import captions_by_id
from clipsearch.catalogue.words import matched_words, matching
from clipsearch.filters import Filter
from clipsearch.indexes.protocol import Scores
from clipsearch.search.caption_search import CaptionSearcher
from clipsearch.search.hubs import RememberedHubs
from clipsearch.search.pool import Judge, Pool, signals_of
from clipsearch.search.query import By
from clipsearch.search.searcher import Refuses, Searcher
from clipsearch.values import (
    CaptionSignal,
    Embeddings,
    Hit,
    Ids,
    PictureSignal,
    Signals,
    WordsSignal,
)

DEPTH = 100
"""How many images each signal gives to the pool at first, and at least two for each hit."""
DEEPER = 4


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """What the images are ranked by: the query's embedding [dim] and its words with phrases.

    `embedding` is None where the tower cannot read the query: its words alone are looked for.
    `refuses` says which pictures are not to be found; others take their places.
    """

    embedding: Embeddings | None
    words: Mapping[str, str]
    by: By
    k: int
    min_score: float | None = None
    refuses: Refuses | None = None

    def eligible(self, cosines: Scores, held: Embeddings) -> NDArray[np.bool_]:
        """Which pictures [n, dim] with those cosines [n] may be found."""
        kept = np.ones(len(held), bool)
        if self.min_score is not None:
            kept &= cosines >= self.min_score
        if self.refuses is not None and len(held):
            kept &= ~self.refuses(held)
        return kept


@dataclass(frozen=True, slots=True)
class _Placed:
    """An image with its place in a ranking."""

    image_id: int
    score: float
    rank_score: float
    signals: Signals


class Ranker:
    """Ranks one collection. Safe from several threads."""

    def __init__(self, catalogue: Catalogue, folder: Path) -> None:
        """Take the catalogue and the collection's folder; no index is opened yet."""
        self._catalogue = catalogue
        self.pictures = Searcher(catalogue, folder)
        self._captions = CaptionSearcher(catalogue, folder)
        self.tower = self.pictures.tower
        self._hubs = RememberedHubs(self.tower.digest)

    def hits(self, asked: Asked, where: Filter) -> list[Hit]:
        """The `k` best images that pass the filter, best first; fewer if there are fewer.

        Equals stand in ascending id. Raises ValueError for k < 1, TowerReplaced where the
        collection went over to another tower meanwhile.
        """
        if asked.k < 1:
            raise ValueError(f"k must be at least 1, not {asked.k}")
        with self._catalogue.snapshot() as connection:
            allowed = allowed_ids(connection, where)
            placed = self._placed(connection, asked, allowed)
            images = reading.images_of(connection, [each.image_id for each in placed])
        return [
            Hit(
                rank,
                each.score,
                images[each.image_id],
                rank_score=each.rank_score,
                signals=each.signals,
            )
            for rank, each in enumerate(placed, start=1)
        ]

    def _placed(self, connection: Reading, asked: Asked, allowed: Ids | None) -> list[_Placed]:
        if asked.embedding is None:
            return _by_words(connection, asked, allowed, self.tower.dim)
        if asked.by == "pictures":
            return self._by_pictures(connection, asked, asked.embedding, allowed)
        if asked.by == "captions":
            return self._by_captions(connection, asked, asked.embedding, allowed)
        if asked.by == "words":
            return _by_words(connection, asked, allowed, self.tower.dim)
        return self._fused(connection, asked, asked.embedding, allowed)

    def _fused(
        self, connection: Reading, asked: Asked, query: Embeddings, allowed: Ids | None
    ) -> list[_Placed]:
        matched = matching(connection, asked.words, allowed)
        judge = Judge(connection, query, matched, asked.eligible, self._hubs)
        depth = max(DEPTH, 2 * asked.k)
        while True:
            near = self.pictures.nearest(connection, query, depth, allowed, asked.refuses)
            ids = [near.ids[0], judge.most_telling_words(depth)]
            caption_cosine = None
            if judge.asks_captions:
                nearest = self._captions.nearest(connection, query, depth, allowed)
                ids.append(nearest.image_ids)
                caption_cosine = float(nearest.scores[-1]) if len(nearest) == depth else None
            # asked for the indices, too, `unique` does without masked arrays and their import
            distinct, _ = np.unique(np.concatenate(ids), return_index=True)
            pool = judge.pool(distinct)
            chosen = pool.best(asked.k)
            if near.ids.shape[1] < depth:
                break
            least = float(near.scores[0, -1])
            nobody_else = asked.min_score is not None and least < asked.min_score
            full = len(chosen) == asked.k
            bound = judge.bound(least, caption_cosine, depth)
            if nobody_else or (full and float(pool.rank_scores[chosen[-1]]) >= bound):
                break
            depth *= DEEPER
        return _placed_in_pool(connection, pool, chosen, asked.words)

    def _by_pictures(
        self, connection: Reading, asked: Asked, query: Embeddings, allowed: Ids | None
    ) -> list[_Placed]:
        near = self.pictures.nearest(connection, query, asked.k, allowed, asked.refuses)
        least = -np.inf if asked.min_score is None else asked.min_score
        kept = near.scores[0] >= least
        return [
            _Placed(image_id, score, score, Signals(PictureSignal(score, score)))
            for image_id, score in zip(
                near.ids[0][kept].tolist(), near.scores[0][kept].tolist(), strict=True
            )
        ]

    def _by_captions(
        self, connection: Reading, asked: Asked, query: Embeddings, allowed: Ids | None
    ) -> list[_Placed]:
        depth = asked.k
        while True:
            nearest = self._captions.nearest(connection, query, depth, allowed)
            scores = _scores(connection, asked, nearest.image_ids.tolist(), len(query))
            rows = zip(
                nearest.image_ids.tolist(),
                nearest.caption_ids.tolist(),
                nearest.scores.tolist(),
                strict=True,
            )
            kept = [row for row in rows if row[0] in scores][: asked.k]
            if len(kept) == asked.k or len(nearest) < depth:
                break
            depth *= DEEPER
        said = captions_by_id(connection, [caption_id for _, caption_id, _ in kept])
        return [
            _Placed(
                image_id,
                scores[image_id],
                cosine,
                Signals(
                    caption=CaptionSignal(
                        cosine, cosine, said[caption_id].text, said[caption_id].source
                    )
                ),
            )
            for image_id, caption_id, cosine in kept
        ]


def _by_words(connection: Reading, asked: Asked, allowed: Ids | None, dim: int) -> list[_Placed]:
    matched = matching(connection, asked.words, allowed)
    order = np.lexsort((matched.ids, -matched.bm25))
    ids = matched.ids[order].tolist()
    bm25 = dict(zip(ids, matched.bm25[order].tolist(), strict=True))
    if asked.min_score is None and asked.refuses is None:
        ids = ids[: asked.k]
    scores = _scores(connection, asked, ids, dim)
    kept = [each for each in ids if each in scores][: asked.k]
    words = matched_words(connection, asked.words, kept)
    return [
        _Placed(
            image_id,
            scores[image_id],
            bm25[image_id],
            Signals(words=WordsSignal(bm25[image_id], bm25[image_id], words[image_id])),
        )
        for image_id in kept
    ]


def _placed_in_pool(
    connection: Reading, pool: Pool, chosen: list[int], sought: Mapping[str, str]
) -> list[_Placed]:
    by_words = [int(pool.ids[at]) for at in chosen if pool.words[at] or pool.bm25[at]]
    words = matched_words(connection, sought, by_words) if by_words else {}
    signals = signals_of(connection, pool, chosen, words)
    return [
        _Placed(int(pool.ids[at]), float(pool.cosines[at]), float(pool.rank_scores[at]), own)
        for at, own in zip(chosen, signals, strict=True)
    ]


def _scores(connection: Reading, asked: Asked, ids: Sequence[int], dim: int) -> dict[int, float]:
    """The cosines of those pictures that may be found, by their ids; NaN without an embedding."""
    found, held = reading.embeddings_of(connection, ids, dim)
    cosines = np.full(len(found), np.nan, np.float32)
    if asked.embedding is not None:
        cosines = np.asarray(np.vecdot(held, asked.embedding), np.float32)
    kept = asked.eligible(cosines, held)
    return dict(zip(found[kept].tolist(), cosines[kept].tolist(), strict=True))
