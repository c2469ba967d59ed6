"""Takes pictures in and keeps the index up to them."""

from clipsearch.ingest.additions import BATCH, Addition, add_pictures
from clipsearch.ingest.background import bring_background_up
from clipsearch.ingest.caption_embedding import bring_captions_up
from clipsearch.ingest.caption_ingestion import refuse_bad_tables
from clipsearch.ingest.ingestion import ingest_folders, refuse_missing
from clipsearch.ingest.migration import MigrationReport, Place, abandon, migrate
from clipsearch.ingest.migration_options import MigrationOptions
from clipsearch.ingest.precision import (
    CHECKED_AT_MOST,
    check_on_additions,
    check_on_first_files,
    note_precision_held,
    precision_held,
)
from clipsearch.ingest.publishing import bring_index_up, publish_generation, rebuild_indexes
from clipsearch.ingest.report import IngestOptions, IngestReport, OnProgress, Progress, silent
from clipsearch.ingest.rules import rules_of

__all__ = [
    "BATCH",
    "CHECKED_AT_MOST",
    "Addition",
    "IngestOptions",
    "IngestReport",
    "MigrationOptions",
    "MigrationReport",
    "OnProgress",
    "Place",
    "Progress",
    "abandon",
    "add_pictures",
    "bring_background_up",
    "bring_captions_up",
    "bring_index_up",
    "check_on_additions",
    "check_on_first_files",
    "ingest_folders",
    "migrate",
    "note_precision_held",
    "precision_held",
    "publish_generation",
    "rebuild_indexes",
    "refuse_bad_tables",
    "refuse_missing",
    "rules_of",
    "silent",
]
