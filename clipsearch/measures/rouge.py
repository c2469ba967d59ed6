"""ROUGE-L: how much of a caption and of a reference is one common sequence of words.

Lin, "ROUGE: A Package for Automatic Evaluation of Summaries" (2004), as MS COCO's evaluation
computes it: the best precision and the best recall over the references, beta 1.2.
"""

from __future__ import annotations

from collections.abc import Sequence

from clipsearch.measures.caption_words import Words

BETA = 1.2


def rouge_l(words: Words, references: Sequence[Words]) -> float:
    """ROUGE-L of a caption, 0 to 1. Raises ValueError without a reference."""
    if not references:
        raise ValueError("every picture needs a reference")
    common = [(_longest_common(words, each), len(each)) for each in references]
    precision = max(length / len(words) if words else 0.0 for length, _ in common)
    recall = max(length / size if size else 0.0 for length, size in common)
    if not precision or not recall:
        return 0.0
    return (1 + BETA**2) * precision * recall / (recall + BETA**2 * precision)


def _longest_common(one: Words, other: Words) -> int:
    """The length of the longest common subsequence."""
    row = [0] * (len(other) + 1)
    for word in one:
        before = 0
        for at, against in enumerate(other, 1):
            above = row[at]
            row[at] = before + 1 if word == against else max(above, row[at - 1])
            before = above
    return row[-1]
