"""Takes pictures in and keeps the index up to them."""

from clipsearch.ingest.additions import Addition, add_pictures
from clipsearch.ingest.ingestion import ingest_folders, refuse_missing
from clipsearch.ingest.precision import check_on_first_pictures
from clipsearch.ingest.publishing import bring_index_up, publish_generation
from clipsearch.ingest.report import IngestOptions, IngestReport, OnProgress, Progress, silent

__all__ = [
    "Addition",
    "IngestOptions",
    "IngestReport",
    "OnProgress",
    "Progress",
    "add_pictures",
    "bring_index_up",
    "check_on_first_pictures",
    "ingest_folders",
    "publish_generation",
    "refuse_missing",
    "silent",
]
