"""The collection's SQL database: the truth, embeddings included."""

from clipsearch.catalogue.catalogue import (
    FILE_NAME,
    Catalogue,
    Indexed,
    NamedGeneration,
    named_generation,
    set_generation,
)
from clipsearch.catalogue.connections import Reading, transaction
from clipsearch.catalogue.filtering import FilterCounts, allowed_ids, filter_counts
from clipsearch.catalogue.survey import Pending, Survey

__all__ = [
    "FILE_NAME",
    "Catalogue",
    "FilterCounts",
    "Indexed",
    "NamedGeneration",
    "Pending",
    "Reading",
    "Survey",
    "allowed_ids",
    "filter_counts",
    "named_generation",
    "set_generation",
    "transaction",
]
