"""What a model's captions add to a search, measured with the searches of real collections.

The pictures go into two collections that last as long as the measurement, a model's captions of
them into one of the two; every caption that a person wrote is asked of both, and counts as right
for its own picture alone. People's captions stand in neither: a query must not find itself.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clipsearch.catalogue import Catalogue, transaction, words, writing
from clipsearch.evaluation import OnStep
from clipsearch.filters import EVERYTHING
from clipsearch.ingest import bring_captions_up, bring_index_up
from clipsearch.search import Asked, Ranker, Words, query_embedding, sought_words
from clipsearch.towers import TowerPair
from clipsearch.values import Caption, Embeddings, ImageInfo

CUTS = (1, 5, 10)
_DRAWN, _INSIDE = 2_000, (2.5, 97.5)
_AT_ONCE = 50

Ranks = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """A number with the bounds of its 95 % interval, drawn over pictures."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class CaptionGain:
    """R@k (hit@k, 0 to 1) by k: pictures alone, with the captions, and what these add.

    `captioned` counts the pictures that a model told of, `pictures` all that are searched
    through, `queries` the captions of people that were asked.
    """

    pictures: int
    captioned: int
    queries: int
    alone: Mapping[int, float]
    with_captions: Mapping[int, float]
    gain: Mapping[int, Interval]


@dataclass(frozen=True, slots=True, eq=False)
class DescribedPictures:
    """Pictures with their embeddings float32 [n, dim], what people say of each, and a model."""

    images: Embeddings
    people: Sequence[Sequence[str]]
    model: Sequence[Sequence[Caption]]

    @property
    def queries(self) -> tuple[list[str], NDArray[np.int64]]:
        """What people say, and the row of the picture that each says it of."""
        counts = [len(own) for own in self.people]
        owner = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
        return [text for own in self.people for text in own], owner


def caption_gain(told: DescribedPictures, tower: TowerPair, on_step: OnStep) -> CaptionGain:
    """Ask for what people say of pictures, with and without what a model says of them.

    Equal scores rank pictures in their order, as they do in a collection. Raises
    UnreadableScript.
    """
    texts, owner = told.queries
    none: list[tuple[Caption, ...]] = [()] * len(told.images)
    with (
        _filled(told.images, none, tower) as bare,
        _filled(told.images, told.model, tower) as captioned,
    ):
        alone, fused = _ranks((bare, captioned), (texts, owner), tower, on_step)
    return CaptionGain(
        pictures=len(told.images),
        captioned=sum(map(bool, told.model)),
        queries=len(texts),
        alone={k: float(np.mean(alone <= k)) for k in CUTS},
        with_captions={k: float(np.mean(fused <= k)) for k in CUTS},
        gain={k: _gain(alone <= k, fused <= k, owner) for k in CUTS},
    )


@contextmanager
def _filled(
    images: Embeddings, captions: Sequence[Sequence[Caption]], tower: TowerPair
) -> Iterator[Ranker]:
    """A collection of pictures by their embeddings; row n gets the id n + 1."""
    with (
        tempfile.TemporaryDirectory(prefix="clipsearch-") as scratch,
        Catalogue.create(folder := Path(scratch), tower.identity) as catalogue,
    ):
        with catalogue.writer() as connection, transaction(connection):
            rows = zip(images, captions, strict=True)
            for row, (embedding, own) in enumerate(rows, start=1):
                # no content is told apart here: two like pictures stay two
                info = ImageInfo(row.to_bytes(32, "big"), "JPEG", 1, 1, 1)
                image_id = writing.insert_image(connection, info, embedding)
                writing.keep_image(connection, image_id, {})
                writing.add_captions(connection, image_id, own)
        bring_index_up(catalogue, folder)
        bring_captions_up(catalogue, folder, tower)
        with catalogue.writer() as connection:
            words.bring_up(connection)
        yield Ranker(catalogue, folder)


def _ranks(
    rankers: Sequence[Ranker],
    queries: tuple[list[str], NDArray[np.int64]],
    tower: TowerPair,
    on_step: OnStep,
) -> list[Ranks]:
    """The rank of each query's own picture in each collection; infinite beyond 10."""
    texts, owners = queries
    ranks = [np.full(len(texts), np.inf) for _ in rankers]
    for place, (text, owner) in enumerate(zip(texts, owners.tolist(), strict=True)):
        parts = [Words(text)]
        asked = Asked(query_embedding(parts, tower), sought_words(parts), "fused", max(CUTS))
        for ranker, own in zip(rankers, ranks, strict=True):
            for hit in ranker.hits(asked, EVERYTHING):
                if hit.image.id == owner + 1:
                    own[place] = hit.rank
        if not (place + 1) % _AT_ONCE or place + 1 == len(texts):
            on_step("queries", place + 1, len(texts), 0)
    return ranks


def _gain(alone: NDArray[np.bool_], fused: NDArray[np.bool_], owner: NDArray[np.int64]) -> Interval:
    """The mean difference, its interval by drawing pictures with all their captions anew."""
    difference = fused.astype(np.float64) - alone
    asked, places, counts = np.unique(owner, return_inverse=True, return_counts=True)
    sums = np.bincount(places, difference, len(asked))
    drawn = np.random.default_rng(0).integers(0, len(asked), (_DRAWN, len(asked)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.percentile(means, _INSIDE)
    return Interval(float(difference.mean()), float(low), float(high))
