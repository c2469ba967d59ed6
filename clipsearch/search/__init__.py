"""Queries and their hits."""

from clipsearch.search.filters import EVERYTHING, Filter
from clipsearch.search.query import Direction, Likeness, Part, Query, Words, query_embedding
from clipsearch.search.searcher import Searcher, open_named

__all__ = [
    "EVERYTHING",
    "Direction",
    "Filter",
    "Likeness",
    "Part",
    "Query",
    "Searcher",
    "Words",
    "open_named",
    "query_embedding",
]
