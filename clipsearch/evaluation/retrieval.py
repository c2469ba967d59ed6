"""Text to image and image to text; every caption of a picture counts as right."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clipsearch.measures import (
    Hit,
    MeanAveragePrecision,
    Measure,
    MedianRank,
    Ndcg,
    RightRanks,
    joined,
    right_ranks,
)
from clipsearch.values import Embeddings

HITS: tuple[Measure, ...] = (Hit(1), Hit(5), Hit(10))
MEASURES: tuple[Measure, ...] = (*HITS, MedianRank(), MeanAveragePrecision(), Ndcg(10))
ROWS_AT_ONCE = 512


def retrieval(
    images: Embeddings, captions: Embeddings, owner: NDArray[np.int64]
) -> dict[str, float]:
    """Measure both ways; `image_retrieval_recall@k` is CLIP_benchmark's name of text to image.

    `images` [n, d], `captions` [c, d], `owner` [c] the row of each caption's picture. Pictures
    without captions are searched through and ask nothing.
    """
    rows, asking = np.arange(len(images), dtype=np.int64), np.unique(owner)
    to_image = ranked(captions, images, owner, rows)
    to_text = ranked(images[asking], captions, asking, owner)
    ways = (("image_retrieval", to_image), ("text_retrieval", to_text))
    return {
        f"{way}_{_field_name(measure)}": measure.of(ranks)
        for way, ranks in ways
        for measure in MEASURES
    }


def ranked(
    queries: Embeddings,
    items: Embeddings,
    wanted: NDArray[np.int64],
    kinds: NDArray[np.int64],
) -> RightRanks:
    """Rank the items whose kind is the one that a query wants."""
    parts = []
    for start in range(0, len(queries), ROWS_AT_ONCE):
        block = slice(start, start + ROWS_AT_ONCE)
        right = wanted[block, None] == kinds[None, :]
        parts.append(right_ranks(cosines(queries[block], items), right))
    return joined(parts)


def cosines(queries: Embeddings, items: Embeddings) -> NDArray[np.float32]:
    """Cosines rounded to 1e-6: equal embeddings score equally, which a product alone breaks."""
    with np.errstate(invalid="ignore", over="ignore"):
        scores = np.asarray(queries @ items.T, np.float32)
        return np.round(scores, 6, out=scores)


def _field_name(measure: Measure) -> str:
    return measure.name.replace("hit@", "recall@") if isinstance(measure, Hit) else measure.name
