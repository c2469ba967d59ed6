"""A pool of images with what every signal says of each of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clipsearch.catalogue import Reading, reading
from clipsearch.catalogue.caption_rows import CaptionRows, caption_ids_of, captions_of
from clipsearch.catalogue.caption_texts import captions_by_id, generated_among
from clipsearch.catalogue.samples import caption_sample, image_sample
from clipsearch.catalogue.words import MatchedWords
from clipsearch.search.evidence import (
    GENERATED,
    Level,
    Numbers,
    caption_evidence,
    words_evidence,
)
from clipsearch.search.hubs import PictureScores, RememberedHubs
from clipsearch.values import (
    CaptionSignal,
    Embeddings,
    Ids,
    PictureSignal,
    Signals,
    WordsSignal,
)


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Images by ascending id with their signals, each an array [n].

    `caption_ids` is 0 for an image without a caption that the tower could read; `hubs` is None
    where a tower's hubness is not known.
    """

    ids: Ids
    cosines: Numbers
    hubs: Numbers | None
    picture: Numbers
    caption_ids: Ids
    caption_cosines: Numbers
    caption: Numbers
    bm25: Numbers
    words: Numbers

    @property
    def rank_scores(self) -> Numbers:
        """The evidence of all signals together."""
        return self.picture + self.caption + self.words

    def best(self, k: int) -> list[int]:
        """Positions of the `k` best, best first."""
        order: list[int] = np.lexsort((self.ids, -self.rank_scores))[:k].tolist()
        return order


class Judge:
    """Weighs images for one query in one snapshot of a catalogue."""

    def __init__(
        self,
        connection: Reading,
        query: Embeddings,
        matched: MatchedWords,
        eligible: Callable[[Numbers, Embeddings], NDArray[np.bool_]],
        hubs: RememberedHubs,
    ) -> None:
        """Take the query's embedding [dim], what its words matched, and which may be found."""
        self._eligible = eligible
        self._connection = connection
        self._query = query
        self._matched = matched
        self._words = words_evidence(matched)
        sample = image_sample(connection, len(query))
        self._pictures = PictureScores.of(query, sample, hubs.of(sample))
        self._captions: Level | None = None
        if len(said := caption_sample(connection, len(query))):
            self._captions = Level.of(query, said)

    @property
    def asks_captions(self) -> bool:
        """Whether there are captions to ask."""
        return self._captions is not None

    def most_telling_words(self, count: int) -> Ids:
        """The images whose words are worth most."""
        order = np.lexsort((self._matched.ids, -self._words))[:count]
        return self._matched.ids[order]

    def bound(self, cosine: float, caption_cosine: float | None, words_taken: int) -> float:
        """The most that an image can be worth of which no signal is better than those."""
        most = self._pictures.at_most(cosine)
        if self._captions is not None and caption_cosine is not None:
            most += caption_evidence(np.array([caption_cosine], np.float32), self._captions).sum()
        most += np.sort(self._words)[::-1][words_taken : words_taken + 1].sum()
        return float(most)

    def pool(self, ids: Ids) -> Pool:
        """What every signal says of those of the images that may be found."""
        ids, held = reading.embeddings_of(self._connection, ids.tolist(), len(self._query))
        cosines = np.asarray(np.vecdot(held, self._query), np.float32)
        kept = self._eligible(cosines, held)
        ids, cosines, held = ids[kept], cosines[kept], held[kept]
        caption_ids, caption_cosines, caption = self._best_captions(ids)
        at = np.searchsorted(self._matched.ids, ids)
        at = np.minimum(at, max(0, len(self._matched.ids) - 1))
        has = np.zeros(len(ids), bool)
        if len(self._matched.ids):
            has = self._matched.ids[at] == ids
        bm25, words = np.zeros(len(ids), np.float32), np.zeros(len(ids), np.float32)
        bm25[has], words[has] = self._matched.bm25[at[has]], self._words[at[has]]
        hubs = self._pictures.counted(held)
        picture = self._pictures.evidence(cosines, hubs)
        return Pool(ids, cosines, hubs, picture, caption_ids, caption_cosines, caption, bm25, words)

    def _best_captions(self, ids: Ids) -> tuple[Ids, Numbers, Numbers]:
        """Of each image the caption that is worth most: its id, cosine and evidence."""
        chosen = np.zeros(len(ids), np.int64)
        cosines, evidence = np.zeros(len(ids), np.float32), np.zeros(len(ids), np.float32)
        if self._captions is None:
            return chosen, cosines, evidence
        rows = self._captions_of(ids)
        own = np.asarray(np.vecdot(rows.embeddings, self._query), np.float32)
        worth = caption_evidence(own, self._captions)
        worth[np.isin(rows.ids, generated_among(self._connection, rows.ids))] *= GENERATED
        worst_first = np.lexsort((-rows.ids, own, worth))  # the last one written stays
        at = np.searchsorted(ids, rows.image_ids[worst_first])
        chosen[at] = rows.ids[worst_first]
        cosines[at], evidence[at] = own[worst_first], worth[worst_first]
        return chosen, cosines, evidence

    def _captions_of(self, ids: Ids) -> CaptionRows:
        caption_ids = caption_ids_of(self._connection, ids)
        return captions_of(self._connection, caption_ids.tolist(), len(self._query))


def signals_of(
    connection: Reading, pool: Pool, chosen: list[int], words: dict[int, tuple[str, ...]]
) -> list[Signals]:
    """The signals of the chosen positions as values, with what the captions say."""
    said = captions_by_id(connection, [int(pool.caption_ids[at]) for at in chosen])
    found = []
    for at in chosen:
        hub = None if pool.hubs is None else float(pool.hubs[at])
        picture = PictureSignal(float(pool.cosines[at]), float(pool.picture[at]), hub)
        caption, matched = None, None
        if (told := said.get(int(pool.caption_ids[at]))) is not None:
            cosine, evidence = float(pool.caption_cosines[at]), float(pool.caption[at])
            caption = CaptionSignal(cosine, evidence, told.text, told.source)
        if (own := words.get(int(pool.ids[at]))) is not None:
            matched = WordsSignal(float(pool.bm25[at]), float(pool.words[at]), own)
        found.append(Signals(picture, caption, matched))
    return found
