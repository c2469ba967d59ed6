"""Filters answered: which images of a catalogue pass, and how many cannot for want of a date."""

from __future__ import annotations

from dataclasses import dataclass

from clipsearch.catalogue.connections import Reading
from clipsearch.filters import Filter
from clipsearch.values import Ids


@dataclass(frozen=True, slots=True)
class FilterCounts:
    """How many images there are, pass, and have no date taken, no place and no camera."""

    images: int
    passing: int
    undated: int
    unplaced: int
    unnamed_camera: int


def allowed_ids(connection: Reading, where: Filter) -> Ids | None:
    """The ids of the images that pass, int64 [n] ascending; None where all are allowed."""
    if where.asks_nothing:
        return None
    from clipsearch.catalogue.conditions import passing  # it imports SQLAlchemy

    return passing(connection, where)


def filter_counts(connection: Reading, where: Filter) -> FilterCounts:
    """Count what passes, and what a condition on date, place or camera cannot know."""
    allowed = allowed_ids(connection, where)
    query = "SELECT count(*), count(taken), count(latitude), count(camera) FROM images"
    total, *known = (int(count) for count in connection.exec_driver_sql(query).one())
    passing = total if allowed is None else len(allowed)
    return FilterCounts(total, passing, *(total - count for count in known))
