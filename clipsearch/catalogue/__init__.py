"""The collection's SQL database: the truth, embeddings included."""

from clipsearch.catalogue.catalogue import (
    FILE_NAME,
    Catalogue,
    Indexed,
    NamedGeneration,
    named_generation,
    set_generation,
)
from clipsearch.catalogue.database import transaction
from clipsearch.catalogue.survey import Pending, Survey

__all__ = [
    "FILE_NAME",
    "Catalogue",
    "Indexed",
    "NamedGeneration",
    "Pending",
    "Survey",
    "named_generation",
    "set_generation",
    "transaction",
]
