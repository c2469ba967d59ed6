"""What a model's captions add to a search, measured with the searches of a real collection.

The pictures and a model's captions of them go into a collection that lasts as long as the
measurement; every caption that a person wrote is asked of it, and counts as right for its own
picture alone. People's captions do not stand in it: a query must not find itself.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clipsearch.catalogue import Catalogue, transaction, words, writing
from clipsearch.collection import Collection
from clipsearch.evaluation import PLAIN, EmbeddedSet, OnStep
from clipsearch.ingest import bring_captions_up, bring_index_up
from clipsearch.search import By, Query, Words
from clipsearch.settings import collection_folder
from clipsearch.towers import TowerPair
from clipsearch.values import Caption, ImageInfo

CUTS = (1, 5, 10)
_NAME = "measured"
_WAYS: tuple[By, ...] = ("pictures", "fused")
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


def caption_gain(
    embedded: EmbeddedSet,
    written: Mapping[str, Sequence[Caption]],
    tower: TowerPair,
    on_step: OnStep,
) -> CaptionGain:
    """Ask for every caption of a set with and without what a model wrote of its pictures.

    `written` holds a model's captions by the pictures' names. Equal scores rank pictures in the
    order of the set, as they do in a collection.
    """
    captions = [tuple(written.get(picture.name, ())) for picture in embedded.pictures]
    with tempfile.TemporaryDirectory(prefix="clipsearch-") as home:
        _fill(Path(home), embedded, captions, tower)
        with Collection(_NAME, home=Path(home), tower=tower) as collection:
            ranks = _ranks(collection, embedded, on_step)
    alone, fused = ranks
    return CaptionGain(
        pictures=len(embedded.pictures),
        captioned=sum(map(bool, captions)),
        queries=len(embedded.texts),
        alone={k: float(np.mean(alone <= k)) for k in CUTS},
        with_captions={k: float(np.mean(fused <= k)) for k in CUTS},
        gain={k: _gain(alone <= k, fused <= k, embedded.owner) for k in CUTS},
    )


def _fill(
    home: Path, embedded: EmbeddedSet, captions: Sequence[Sequence[Caption]], tower: TowerPair
) -> None:
    """A collection of the pictures, by the embeddings that they have; row n gets the id n + 1."""
    folder = collection_folder(home, _NAME)
    folder.mkdir(parents=True)
    with Catalogue.create(folder, tower.identity) as catalogue:
        with catalogue.writer() as connection, transaction(connection):
            for row, (embedding, own) in enumerate(
                zip(embedded.images[PLAIN], captions, strict=True), start=1
            ):
                # no content is told apart here: two like pictures stay two
                info = ImageInfo(row.to_bytes(32, "big"), "JPEG", 1, 1, 1)
                image_id = writing.insert_image(connection, info, embedding)
                writing.keep_image(connection, image_id, {})
                writing.add_captions(connection, image_id, own)
        bring_index_up(catalogue, folder)
        bring_captions_up(catalogue, folder, tower)
        with catalogue.writer() as connection:
            words.bring_up(connection)


def _ranks(collection: Collection, embedded: EmbeddedSet, on_step: OnStep) -> list[Ranks]:
    """The rank of each caption's own picture by pictures alone and fused; infinite beyond 10."""
    ranks = [np.full(len(embedded.texts), np.inf) for _ in _WAYS]
    for place, (text, owner) in enumerate(zip(embedded.texts, embedded.owner, strict=True)):
        for way, own in zip(_WAYS, ranks, strict=True):
            for hit in collection.search(Query([Words(text)], max(CUTS), by=way)):
                if hit.image.id == owner + 1:
                    own[place] = hit.rank
        if not (place + 1) % _AT_ONCE or place + 1 == len(embedded.texts):
            on_step("queries", place + 1, len(embedded.texts), 0)
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
