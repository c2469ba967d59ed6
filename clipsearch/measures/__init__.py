"""Measures of search quality, in plain NumPy."""

from clipsearch.measures.retrieval import (
    caption_ranks,
    hit_at,
    image_ranks,
    right_class_ranks,
)

__all__ = ["caption_ranks", "hit_at", "image_ranks", "right_class_ranks"]
