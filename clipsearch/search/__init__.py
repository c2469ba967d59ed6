"""Queries and their hits."""

from clipsearch.search.caption_search import CaptionSearcher, NearestCaptions
from clipsearch.search.matching import Matcher, candidates
from clipsearch.search.named_index import NamedIndex, open_named
from clipsearch.search.query import (
    By,
    Direction,
    Likeness,
    Part,
    Query,
    Words,
    asks_for_text,
    embedded_as,
    query_embedding,
    sought_words,
    texts_of,
)
from clipsearch.search.ranking import Asked, Ranker
from clipsearch.search.searcher import Searcher

__all__ = [
    "Asked",
    "By",
    "CaptionSearcher",
    "Direction",
    "Likeness",
    "Matcher",
    "NamedIndex",
    "NearestCaptions",
    "Part",
    "Query",
    "Ranker",
    "Searcher",
    "Words",
    "asks_for_text",
    "candidates",
    "embedded_as",
    "open_named",
    "query_embedding",
    "sought_words",
    "texts_of",
]
