"""The collection's SQL database: the truth, embeddings included."""

from clipsearch.catalogue.catalogue import FILE_NAME, Catalogue, NamedGeneration
from clipsearch.catalogue.database import transaction
from clipsearch.catalogue.survey import Pending, Survey

__all__ = ["FILE_NAME", "Catalogue", "NamedGeneration", "Pending", "Survey", "transaction"]
