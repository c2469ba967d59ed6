"""Explains a score: which places of a picture speak for a text, and where each word is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clipsearch.errors import EmptyQuery
from clipsearch.explanation.area import Area, area_seen
from clipsearch.explanation.regions import Box, box_of, content_words
from clipsearch.images import Picture, decode_picture
from clipsearch.towers import Parts, TowerPair, check_readable, picture_parts
from clipsearch.towers.parts import Method
from clipsearch.values import Embeddings


@dataclass(frozen=True, slots=True)
class WordRegion:
    """A word and its region.

    `score` is the picture's cosine with the word alone, `values` float32 [rows, columns] its
    heat map, `box` where it is greatest; None where no place speaks for the word.
    """

    word: str
    score: float
    values: NDArray[np.float32]
    box: Box | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """What each place of a picture says of a text.

    `values` is float32 [rows, columns] over `area`; what the numbers are depends on `method`
    (see `clipsearch.towers.parts`). `width` and `height` are the picture's, in pixels.
    """

    text: str
    score: float
    method: Method
    values: NDArray[np.float32]
    area: Area
    width: int
    height: int
    words: tuple[WordRegion, ...] = ()


def explain(tower: TowerPair, picture: Picture, text: str, *, words: bool = False) -> Explanation:
    """Say where in a picture a text is, and each of its words if asked.

    Raises EmptyQuery, UnreadableScript, UnreadableQueryImage.
    """
    if not text.strip():
        raise EmptyQuery
    check_readable(text, tower)
    named = content_words(text) if words else []
    embedded = tower.embed_texts([text, *named])
    return _explained(tower, picture, [text, *named], embedded)


def explain_embedding(
    tower: TowerPair, picture: Picture, title: str, embedding: Embeddings
) -> Explanation:
    """The same for an embedding [dim] of the tower: of a query of several parts."""
    return _explained(tower, picture, [title], embedding[np.newaxis])


def _explained(
    tower: TowerPair, picture: Picture, texts: Sequence[str], embedded: Embeddings
) -> Explanation:
    decoded = decode_picture(picture, tower.preprocessing)
    parts = picture_parts(tower, decoded.pixels)
    (whole,) = tower.embed_images(decoded.pixels[np.newaxis])
    scores = embedded @ whole
    maps = parts.maps(embedded)
    info = decoded.info
    area = area_seen(info.width, info.height, tower.preprocessing)
    size = (info.width, info.height)
    words = tuple(
        WordRegion(word, float(score), values, box_of(values, area, size))
        for word, score, values in zip(texts[1:], scores[1:], aligned(parts, maps[1:]), strict=True)
    )
    return Explanation(
        text=texts[0],
        score=float(scores[0]),
        method=parts.method,
        values=maps[0],
        area=area,
        width=info.width,
        height=info.height,
        words=words,
    )


def aligned(parts: Parts, maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """The maps of words [n, rows, columns], each less what the place says of all of them.

    A place that pleases every word says nothing of where this one is. Halved, so that a place
    with two of the things still belongs to both. One word alone stays as it is.
    """
    if len(maps) < 2:
        return maps
    return np.asarray(maps - maps.mean(axis=0) / 2, np.float32)
