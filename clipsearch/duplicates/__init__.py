"""Files that show the same: exact copies, copies encoded anew, look-alikes."""

from clipsearch.duplicates.candidates import Search
from clipsearch.duplicates.finding import find_duplicates
from clipsearch.duplicates.group import (
    EVERY_TIER,
    Duplicate,
    DuplicateGroup,
    DuplicateOptions,
    Duplicates,
    Tier,
)
from clipsearch.duplicates.progress import OnStep, Step
from clipsearch.duplicates.sketching import is_sketched, sketch_missing

__all__ = [
    "EVERY_TIER",
    "Duplicate",
    "DuplicateGroup",
    "DuplicateOptions",
    "Duplicates",
    "OnStep",
    "Search",
    "Step",
    "Tier",
    "find_duplicates",
    "is_sketched",
    "sketch_missing",
]
