"""A query: words, pictures and embeddings with weights, joined into one embedding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from clipsearch.catalogue.terms import terms
from clipsearch.errors import EmbeddingUnusable, EmptyQuery
from clipsearch.filters import EVERYTHING, Filter
from clipsearch.images import Picture, decode_picture
from clipsearch.search.phrasing import embed_sentences, sentences_of
from clipsearch.towers import TowerPair, check_readable, usable
from clipsearch.values import Embeddings


@dataclass(frozen=True, slots=True)
class Words:
    """A text to look for; a negative weight looks away from it.

    One to three bare words are asked for in sentences (`embedded_as`), unless the text is to be
    taken exactly as it stands.
    """

    text: str
    weight: float = 1.0
    exact: bool = False


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

By = Literal["fused", "pictures", "captions", "words"]
"""What hits are ranked by: all signals together, or one alone."""


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked: parts that are added up, how many hits, from which score on, and where.

    Of the nearest images, those below `min_probability` are left out. `matches_only` finds
    nothing at all where none of them probably matches. An image that probably shows one of the
    texts `without` is left out, and the next one takes its place.

    `by` says what the hits are ranked by. Words and captions join in where a text with a weight
    above 0 is asked for; a query by pictures or embeddings alone is ranked by pictures, unless
    `by` names another signal. `min_score` is a cosine of pictures, whatever they are ranked by.

    With `rerank` so many of the best are weighed once more by how likely the captioner is to say
    the query's texts of each; that asks for a text, all signals and the built-in tower.
    """

    parts: Sequence[Part] = field(default_factory=tuple)
    k: int = 10
    min_score: float | None = None
    where: Filter = EVERYTHING
    min_probability: float | None = None
    matches_only: bool = False
    without: Sequence[str] = ()
    by: By = "fused"
    rerank: int | None = None


def asks_for_text(parts: Sequence[Part]) -> bool:
    """Whether a text is looked for, not only pictures, embeddings, or away from something."""
    return any(isinstance(part, Words) and part.weight > 0 for part in parts)


def texts_of(parts: Sequence[Part]) -> list[tuple[str, float]]:
    """The texts that are looked for, with their weights."""
    return [
        (each.text, each.weight) for each in parts if isinstance(each, Words) and each.weight > 0
    ]


def embedded_as(words: Words, tower: TowerPair) -> tuple[str, ...]:
    """The texts that are embedded for a text; the mean of their embeddings is what is looked for.

    `dog` becomes "a dog", "a photo of a dog" and what other sentences the tower has.
    """
    return (words.text,) if words.exact else sentences_of(words.text, tower)


def sought_words(parts: Sequence[Part]) -> dict[str, str]:
    """The words of the texts that are looked for, with their phrases (`terms.terms`).

    What a text with a negative weight names is not looked for.
    """
    texts = [part for part in parts if isinstance(part, Words)]
    sought = terms(" \n ".join(part.text for part in texts if part.weight > 0))
    away = terms(" \n ".join(part.text for part in texts if part.weight < 0))
    unwanted = {phrase.lower() for phrase in away.values()}
    return {word: phrase for word, phrase in sought.items() if phrase.lower() not in unwanted}


def query_embedding(parts: Sequence[Part], tower: TowerPair) -> Embeddings:
    """Join the parts into one unit-length embedding [dim]: the weighted sum, normalised.

    Raises EmptyQuery, UnreadableScript, UnreadableQueryImage or EmbeddingUnusable; ValueError
    for an embedding of another width.
    """
    for part in parts:
        if isinstance(part, Words) and not part.text.strip():
            raise EmptyQuery("a text of it has no words")
    if not parts:
        raise EmptyQuery
    embedded = np.stack([_part_embedding(part, tower) for part in parts])
    if not usable(embedded).all():
        raise EmbeddingUnusable("the tower gave one that is not finite or has no length")
    total = np.array([part.weight for part in parts], np.float32) @ embedded
    length = float(np.linalg.norm(total))
    if length < 1e-6:
        raise EmptyQuery("its parts cancel each other out")
    return np.asarray(total / np.float32(length), np.float32)


def _part_embedding(part: Part, tower: TowerPair) -> Embeddings:
    if isinstance(part, Words):
        check_readable(part.text, tower)
        return embed_sentences(embedded_as(part, tower), tower)
    if isinstance(part, Likeness):
        decoded = decode_picture(part.picture, tower.preprocessing)
        (embedded,) = tower.embed_images(decoded.pixels[np.newaxis])
        return np.asarray(embedded)
    embedding = np.asarray(part.embedding, dtype=np.float32)
    if embedding.shape != (tower.identity.dim,):
        raise ValueError(f"the embedding must be [{tower.identity.dim}], not {embedding.shape}")
    length = np.linalg.norm(embedding)
    return np.asarray(embedding / length if length else embedding)
