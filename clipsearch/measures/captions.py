"""The measures of captions, together: what MS COCO's evaluation reports, without Java."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from clipsearch.measures.bleu import bleu
from clipsearch.measures.caption_words import caption_words
from clipsearch.measures.cider import CiderD
from clipsearch.measures.rouge import rouge_l

NOT_MEASURED = ("METEOR", "SPICE")
"""Measures that exist as Java programs only: they are named as left out, never imitated."""


@dataclass(frozen=True, slots=True)
class CaptionScores:
    """BLEU-1 to 4 and ROUGE-L from 0 to 1, CIDEr-D from 0 to 10; `each` is CIDEr-D by picture."""

    bleu: tuple[float, ...]
    rouge_l: float
    cider: float
    each: tuple[float, ...]

    def named(self) -> dict[str, float]:
        """Every figure by its name."""
        sizes = {f"bleu_{size}": value for size, value in enumerate(self.bleu, 1)}
        return {**sizes, "rouge_l": self.rouge_l, "cider": self.cider}


def caption_scores(captions: Sequence[str], references: Sequence[Sequence[str]]) -> CaptionScores:
    """Measure a caption a picture against the captions that people wrote.

    CIDEr-D takes its rarities from these very references. Raises ValueError for an empty set, a
    picture without a reference, or lengths that differ.
    """
    if not captions:
        raise ValueError("there is no caption to measure")
    written = [caption_words(caption) for caption in captions]
    known = [[caption_words(text) for text in own] for own in references]
    corpus = bleu(written, known)
    rouges = [rouge_l(words, own) for words, own in zip(written, known, strict=True)]
    consensus = CiderD(known)
    each = tuple(consensus.score(at, words) for at, words in enumerate(written))
    return CaptionScores(corpus, sum(rouges) / len(rouges), sum(each) / len(each), each)
