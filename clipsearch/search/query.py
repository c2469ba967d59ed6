"""A query: words, pictures and embeddings with weights, joined into one embedding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from clipsearch.errors import EmbeddingUnusable, EmptyQuery
from clipsearch.filters import EVERYTHING, Filter
from clipsearch.images import Picture, decode_picture
from clipsearch.towers import TowerPair, check_readable, usable
from clipsearch.values import Embeddings


@dataclass(frozen=True, slots=True)
class Words:
    """A text to look for; a negative weight looks away from it."""

    text: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Likeness:
    """A picture to look for: a path, encoded bytes, a PIL image or an array [h, w, 3]."""

    picture: Picture
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Direction:
    """An embedding [dim] of the collection's tower to look for."""

    embedding: Embeddings
    weight: float = 1.0


Part = Words | Likeness | Direction


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked: parts that are added up, how many hits, from which score on, and where.

    Of the nearest images, those below `min_probability` are left out. `matches_only` finds
    nothing at all where none of them probably matches. An image that probably shows one of the
    texts `without` is left out, and the next one takes its place.
    """

    parts: Sequence[Part] = field(default_factory=tuple)
    k: int = 10
    min_score: float | None = None
    where: Filter = EVERYTHING
    min_probability: float | None = None
    matches_only: bool = False
    without: Sequence[str] = ()


def query_embedding(parts: Sequence[Part], tower: TowerPair) -> Embeddings:
    """Join the parts into one unit-length embedding [dim]: the weighted sum, normalised.

    Raises EmptyQuery, UnreadableScript, UnreadableQueryImage or EmbeddingUnusable; ValueError
    for an embedding of another width.
    """
    if not parts or any(isinstance(part, Words) and not part.text.strip() for part in parts):
        raise EmptyQuery
    embedded = np.stack([_part_embedding(part, tower) for part in parts])
    if not usable(embedded).all():
        raise EmbeddingUnusable("the tower gave one that is not finite or has no length")
    total = np.array([part.weight for part in parts], np.float32) @ embedded
    length = float(np.linalg.norm(total))
    if length < 1e-6:  # the parts cancel out
        raise EmptyQuery
    return np.asarray(total / np.float32(length), np.float32)


def _part_embedding(part: Part, tower: TowerPair) -> Embeddings:
    if isinstance(part, Words):
        check_readable(part.text, tower)
        (embedded,) = tower.embed_texts([part.text])
        return np.asarray(embedded)
    if isinstance(part, Likeness):
        decoded = decode_picture(part.picture, tower.preprocessing)
        (embedded,) = tower.embed_images(decoded.pixels[np.newaxis])
        return np.asarray(embedded)
    embedding = np.asarray(part.embedding, dtype=np.float32)
    if embedding.shape != (tower.identity.dim,):
        raise ValueError(f"the embedding must be [{tower.identity.dim}], not {embedding.shape}")
    length = np.linalg.norm(embedding)
    return np.asarray(embedding / length if length else embedding)
