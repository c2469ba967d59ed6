"""Measures of search quality, in plain NumPy; each is a value with a name."""

from clipsearch.measures.average_precision import MeanAveragePrecision
from clipsearch.measures.hit import Hit
from clipsearch.measures.median_rank import MedianRank
from clipsearch.measures.ndcg import Ndcg
from clipsearch.measures.ranking import NEVER, Measure, RightRanks, joined, right_ranks
from clipsearch.measures.recall import Recall
from clipsearch.measures.retrieval import (
    caption_ranks,
    hit_at,
    image_ranks,
    right_class_ranks,
)

__all__ = [
    "NEVER",
    "Hit",
    "MeanAveragePrecision",
    "Measure",
    "MedianRank",
    "Ndcg",
    "Recall",
    "RightRanks",
    "caption_ranks",
    "hit_at",
    "image_ranks",
    "joined",
    "right_class_ranks",
    "right_ranks",
]
