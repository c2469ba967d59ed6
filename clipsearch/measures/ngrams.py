"""Runs of words, counted: what BLEU and CIDEr compare."""

from __future__ import annotations

from collections import Counter

from clipsearch.measures.caption_words import Words

LONGEST = 4


def ngrams(words: Words) -> Counter[Words]:
    """How often each run of one to four words stands in a caption."""
    return Counter(
        words[start : start + size]
        for size in range(1, LONGEST + 1)
        for start in range(len(words) - size + 1)
    )
