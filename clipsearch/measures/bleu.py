"""BLEU: which part of a caption's runs of words some reference has too.

Papineni et al., "BLEU: a Method for Automatic Evaluation of Machine Translation" (ACL 2002):
over the whole set, counts clipped by the most of one reference, the closest reference length for
the brevity penalty, as MS COCO's evaluation computes it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from clipsearch.measures.caption_words import Words
from clipsearch.measures.ngrams import LONGEST, ngrams


def bleu(captions: Sequence[Words], references: Sequence[Sequence[Words]]) -> tuple[float, ...]:
    """BLEU-1 to BLEU-4 of a caption a picture, 0 to 1.

    Raises ValueError where a picture has no reference, or the lengths differ.
    """
    if not all(references):
        raise ValueError("every picture needs a reference")
    right, said = [0] * (LONGEST + 1), [0] * (LONGEST + 1)
    length = closest = 0
    for words, own in zip(captions, references, strict=True):
        most: Counter[Words] = Counter()
        for reference in own:
            most |= ngrams(reference)
        for gram, count in ngrams(words).items():
            said[len(gram)] += count
            right[len(gram)] += min(count, most[gram])
        length += len(words)
        closest += min((abs(len(each) - len(words)), len(each)) for each in own)[1]
    if not length:
        return (0.0,) * LONGEST
    brevity = min(1.0, math.exp(1 - closest / length))
    scores, product = [], 1.0
    for size in range(1, LONGEST + 1):
        product *= right[size] / said[size] if said[size] else 0.0
        scores.append(brevity * product ** (1 / size))
    return tuple(scores)
