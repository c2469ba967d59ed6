"""Says of hits how probable it is that they show what the words say."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from clipsearch.calibration import (
    EXCLUDED,
    MATCHED,
    Background,
    Figures,
    probabilities,
    texts_digest,
)
from clipsearch.catalogue import Catalogue, backgrounds, reading
from clipsearch.catalogue.backgrounds import BackgroundStamp
from clipsearch.errors import ProbabilityUnknown
from clipsearch.search.query import Part, Query, Words, query_embedding, sought_words
from clipsearch.search.searcher import Refuses
from clipsearch.towers import TowerPair
from clipsearch.values import Embeddings, Hit, TowerIdentity

JUDGED = 10
"""So many of the nearest are judged before a query matches nothing, however few it asks for."""
SPARE = 32


def wanted_embedding(
    parts: Sequence[Part], embedding: Embeddings, tower: TowerPair
) -> Embeddings | None:
    """The embedding [dim] of the words that are looked for; None if they are not words alone.

    `embedding` is that of all parts. What is looked away from moves the ranking; it does not
    change what a match is.
    """
    wanted = [part for part in parts if part.weight > 0]
    if not wanted or not all(isinstance(part, Words) for part in wanted):
        return None
    return embedding if len(wanted) == len(parts) else query_embedding(wanted, tower)


def candidates(query: Query) -> int:
    """How many of the nearest have to be looked at to answer a query."""
    if query.min_probability is not None:
        return 2 * query.k + SPARE
    return max(query.k, JUDGED) if query.matches_only else query.k


class Matcher:
    """Judges the hits of one collection by its background. Safe from several threads."""

    def __init__(self, catalogue: Catalogue, name: str) -> None:
        self._catalogue = catalogue
        self._name = name
        self._lock = threading.Lock()
        self._held: tuple[BackgroundStamp, Background] | None = None

    def judged(
        self, hits: Sequence[Hit], query: Query, embedding: Embeddings, tower: TowerPair
    ) -> list[Hit]:
        """The hits with their probabilities; as many as the query asks for.

        `embedding` [dim] is the query's. Hits below the query's least probability go. Where
        the query wants matches alone, all go unless one is a match. Without a background, or
        words, probabilities are None.
        """
        found = self._with_probabilities(hits, query, embedding, tower)
        words = set(sought_words(query.parts))
        if query.matches_only and not any(_matches(hit, words) for hit in found):
            return []
        if (least := query.min_probability) is not None:
            if found and found[0].probability is None:
                in_words = self._background(tower.identity) is None
                raise ProbabilityUnknown(self._name, in_words=in_words)
            found = [hit for hit in found if (hit.probability or 0.0) >= least]
        return [replace(hit, rank=rank) for rank, hit in enumerate(found[: query.k], start=1)]

    def refuses(self, without: Sequence[str], tower: TowerPair) -> Refuses | None:
        """What leaves out the pictures that show one of the texts. Raises ProbabilityUnknown."""
        if not without:
            return None
        background = self._background(tower.identity)
        if background is None:
            raise ProbabilityUnknown(self._name)
        unwanted = [query_embedding([Words(text)], tower) for text in without]

        def shown(pictures: Embeddings) -> NDArray[np.bool_]:
            found = np.zeros(len(pictures), bool)
            for text in unwanted:
                found |= probabilities(background, text, pictures) >= EXCLUDED
            return found

        return shown

    def _with_probabilities(
        self, hits: Sequence[Hit], query: Query, embedding: Embeddings, tower: TowerPair
    ) -> list[Hit]:
        background = self._background(tower.identity)
        if background is None or not hits:
            return list(hits)
        wanted = wanted_embedding(query.parts, embedding, tower)
        if wanted is None:
            return list(hits)
        with self._catalogue.reader() as connection:
            named = [hit.image.id for hit in hits]
            ids, rows = reading.embeddings_of(connection, named, tower.identity.dim)
        judged = probabilities(background, wanted, rows).tolist()
        known = dict(zip(ids.tolist(), judged, strict=True))
        return [replace(hit, probability=known.get(hit.image.id)) for hit in hits]

    def _background(self, tower: TowerIdentity) -> Background | None:
        """The background measured with this tower and these texts, read once."""
        with self._catalogue.snapshot() as connection, self._lock:
            stamp = backgrounds.background_stamp(connection)
            if stamp is None or (stamp.tower, stamp.texts) != (tower.digest, texts_digest()):
                return None
            if self._held is None or self._held[0] != stamp:
                kept = backgrounds.kept_background(connection, tower.dim)
                if kept is None:
                    return None
                found = Background(kept.texts, kept.sample, Figures(**kept.figures))
                self._held = (stamp, found)
            return self._held[1]


def _matches(hit: Hit, words: set[str]) -> bool:
    """Whether a hit is probable enough, or has all the words in captions, keywords or names.

    One that nothing is known of counts, and so does what captions or words alone found.
    """
    signals = hit.signals
    if hit.probability is None or hit.probability >= MATCHED or signals.picture is None:
        return True
    return signals.words is not None and words <= set(signals.words.words)
