"""Measures what a captioner writes against the captions that people wrote."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from clipsearch.caption_writing import CaptionWriter, Unwritten, WrittenCaption
from clipsearch.captions import CaptionedPicture, CaptionedSet
from clipsearch.evaluation.embedding import OnStep, decoded_batches
from clipsearch.evaluation_errors import NothingToMeasure
from clipsearch.measures.caption_words import caption_words
from clipsearch.measures.captions import CaptionScores, caption_scores
from clipsearch.values import Skip, SkipCode

CAPTION_MEASURES = {
    **{f"bleu_{size}": f"BLEU-{size}" for size in range(1, 5)},
    "rouge_l": "ROUGE-L",
    "cider": "CIDEr-D",
    "meteor": "METEOR",
    "confidence_concordance": "confidence agrees with CIDEr-D",
    "distinct": "different captions",
    "vocabulary": "words used",
}
"""What people call each figure."""


@dataclass(frozen=True, slots=True)
class CaptionEvaluation:
    """What was written of each picture, and how good it is.

    `concordance` is the part of all pairs of pictures of which the caption with the higher
    confidence has the better CIDEr-D; 0.5 is chance. `distinct` is the part of the captions that
    were written once only, `vocabulary` counts the words used.
    """

    source: str
    writer: str
    pictures: tuple[CaptionedPicture, ...]
    written: tuple[WrittenCaption, ...]
    scores: CaptionScores
    concordance: float
    distinct: float
    vocabulary: int
    skips: tuple[Skip, ...]

    def metrics(self) -> dict[str, float]:
        """Every figure by its name."""
        return {
            **self.scores.named(),
            "confidence_concordance": self.concordance,
            "distinct": self.distinct,
            "vocabulary": float(self.vocabulary),
        }


def evaluate_captions(
    writer: CaptionWriter, data: CaptionedSet, on_step: OnStep
) -> CaptionEvaluation:
    """Caption every picture of a set and measure. Raises NothingToMeasure."""
    pictures, written, skips = write_captions(writer, data.pictures, on_step)
    if not pictures:
        raise NothingToMeasure(data.source, "no picture with a caption can be read")
    texts = [each.text for each in written]
    scores = caption_scores(texts, [each.captions for each in pictures])
    return CaptionEvaluation(
        source=data.source,
        writer=writer.source,
        pictures=tuple(pictures),
        written=tuple(written),
        scores=scores,
        concordance=concordance([_known(each.confidence) for each in written], scores.each),
        distinct=len(set(texts)) / len(texts),
        vocabulary=len({word for text in texts for word in caption_words(text)}),
        skips=tuple(skips),
    )


def write_captions(
    writer: CaptionWriter, pictures: Sequence[CaptionedPicture], on_step: OnStep
) -> tuple[list[CaptionedPicture], list[WrittenCaption], list[Skip]]:
    """Have every picture captioned: the pictures that were, their captions, and the others."""
    skips: list[Skip] = []
    told: list[CaptionedPicture] = []
    written: list[WrittenCaption] = []
    for batch, pixels in decoded_batches(pictures, writer.preprocessing, skips):
        for picture, caption in zip(batch, writer.write(pixels), strict=True):
            if isinstance(caption, Unwritten):
                skips.append(Skip(Path(picture.name), SkipCode.NO_CAPTION, caption.reason))
                continue
            told.append(picture)
            written.append(caption)
        on_step("pictures", len(told) + len(skips), len(pictures), len(skips))
    return told, written, skips


def _known(confidence: float | None) -> float:
    return math.nan if confidence is None else confidence


def concordance(sure: Sequence[float], good: Sequence[float]) -> float:
    """The part of the pairs that both numbers put in one order; pairs equal in either are left out.

    So are pairs of a NaN. NaN where there is no such pair. (Goodman and
    Kruskal's gamma is twice this less one.)
    """
    one = np.sign(np.subtract.outer(np.asarray(sure), np.asarray(sure)))
    other = np.sign(np.subtract.outer(np.asarray(good), np.asarray(good)))
    agreement = np.nan_to_num(one * other)
    decided = np.count_nonzero(agreement)
    return float(np.count_nonzero(agreement > 0) / decided) if decided else float("nan")
