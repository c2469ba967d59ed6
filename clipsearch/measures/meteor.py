"""METEOR (Denkowski and Lavie 2014), the Java program that MS COCO's evaluation runs.

It is not imitated: stems, synonyms and paraphrases are weighed by the program's own data.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from clipsearch.measures.caption_words import Words


def meteor(captions: Sequence[Words], references: Sequence[Sequence[Words]]) -> float | None:
    """METEOR 1.5 of a caption a picture, from 0 to 1; None without Java or pycocoevalcap."""
    if shutil.which("java") is None:
        return None
    try:
        from pycocoevalcap.meteor.meteor import Meteor
    except ImportError:
        return None
    given = {at: [" ".join(words)] for at, words in enumerate(captions)}
    known = {at: [" ".join(words) for words in own] for at, own in enumerate(references)}
    try:
        score, _ = Meteor().compute_score(known, given)
    except (OSError, ValueError):  # a Java that does not run gives no numbers
        return None
    return float(score)
