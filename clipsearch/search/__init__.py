"""Queries and their hits."""

from clipsearch.search.caption_search import CaptionSearcher, NearestCaptions
from clipsearch.search.matching import Matcher, candidates
from clipsearch.search.named_index import NamedIndex, open_named
from clipsearch.search.query import Direction, Likeness, Part, Query, Words, query_embedding
from clipsearch.search.searcher import Searcher

__all__ = [
    "CaptionSearcher",
    "Direction",
    "Likeness",
    "Matcher",
    "NamedIndex",
    "NearestCaptions",
    "Part",
    "Query",
    "Searcher",
    "Words",
    "candidates",
    "open_named",
    "query_embedding",
]
