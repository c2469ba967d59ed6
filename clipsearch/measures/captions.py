"""The measures of captions, together: what MS COCO's evaluation reports, METEOR where Java is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from clipsearch.measures.bleu import bleu
from clipsearch.measures.caption_words import caption_words
from clipsearch.measures.cider import CiderD
from clipsearch.measures.meteor import meteor
from clipsearch.measures.rouge import rouge_l


@dataclass(frozen=True, slots=True)
class CaptionScores:
    """BLEU-1 to 4 and ROUGE-L from 0 to 1, CIDEr-D from 0 to 10; `each` is CIDEr-D by picture.

    `meteor` is from 0 to 1, and None where there is no Java to run it.
    """

    bleu: tuple[float, ...]
    rouge_l: float
    cider: float
    each: tuple[float, ...]
    meteor: float | None = None

    def named(self) -> dict[str, float]:
        """Every figure by its name."""
        sizes = {f"bleu_{size}": value for size, value in enumerate(self.bleu, 1)}
        found = {**sizes, "rouge_l": self.rouge_l, "cider": self.cider}
        return found if self.meteor is None else {**found, "meteor": self.meteor}

    @property
    def not_measured(self) -> tuple[str, ...]:
        """What MS COCO's evaluation would say besides: named as left out, never imitated."""
        return ("METEOR", "SPICE") if self.meteor is None else ("SPICE",)


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
    with_java = meteor(written, known)
    return CaptionScores(corpus, sum(rouges) / len(rouges), sum(each) / len(each), each, with_java)
