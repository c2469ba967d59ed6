"""Takes in pictures that are not files, with what a program says of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np

from clipsearch.catalogue import Catalogue, transaction, writing
from clipsearch.errors import EmbeddingUnusable
from clipsearch.images import Picture, decode_picture
from clipsearch.ingest.batches import embed_pixels
from clipsearch.towers import TowerPair, usable
from clipsearch.values import Caption

BATCH = 32


@dataclass(frozen=True, slots=True)
class Addition:
    """A picture that a program gives: a PIL image, an array uint8 [h, w, 3] or encoded bytes.

    `metadata` must be JSON's: strings, numbers, booleans, None, lists and dicts.
    """

    picture: Picture
    captions: Sequence[Caption] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)


def add_pictures(
    catalogue: Catalogue, tower: TowerPair, additions: Iterable[Addition]
) -> list[int]:
    """Embed and commit pictures batch by batch; returns their image ids in order.

    A picture that stands already keeps its id and gains the captions and metadata. Raises
    UnreadableQueryImage for bytes that are no image, EmbeddingUnusable for a tower's failure;
    the batches before it stay.
    """
    ids: list[int] = []
    rest = iter(additions)
    while batch := list(islice(rest, BATCH)):
        ids += _add_batch(catalogue, tower, batch)
    return ids


def _add_batch(catalogue: Catalogue, tower: TowerPair, batch: list[Addition]) -> list[int]:
    decoded = [decode_picture(addition.picture, tower.preprocessing) for addition in batch]
    embedded = embed_pixels(tower, np.stack([picture.pixels for picture in decoded]))
    if not usable(embedded).all():
        raise EmbeddingUnusable("the tower gave one that is not finite or has no length")
    ids = []
    with catalogue.writer() as connection, transaction(connection):
        for addition, picture, embedding in zip(batch, decoded, embedded, strict=True):
            image_id = writing.insert_image(connection, picture.info, embedding)
            writing.keep_image(connection, image_id, addition.metadata)
            captions = (*addition.captions, *picture.captions)
            writing.add_captions(connection, image_id, captions)
            ids.append(image_id)
    return ids
