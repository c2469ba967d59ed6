"""Samples of a collection's embeddings, spread evenly over its ids: the same for the same rows."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from clipsearch.catalogue.caption_rows import captions_of
from clipsearch.catalogue.connections import Reading
from clipsearch.catalogue.reading import embeddings_of
from clipsearch.values import Embeddings

SAMPLE = 512


def image_sample(connection: Reading, dim: int) -> Embeddings:
    """Embeddings of at most 512 images, float32 [n, dim]."""
    return embeddings_of(connection, _spread(connection, "embeddings", "image_id"), dim)[1]


def caption_sample(connection: Reading, dim: int) -> Embeddings:
    """Embeddings of at most 512 captions, float32 [n, dim]."""
    return captions_of(connection, _spread(connection, "captions", "id"), dim).embeddings


def _spread(connection: Reading, table: str, key: str) -> Sequence[int]:
    """Ids that stand in a table: of each stretch of numbers the first."""
    # apart, for SQLite looks up one end, but reads the whole table for both at once
    ends = connection.exec_driver_sql(
        f"SELECT (SELECT min({key}) FROM {table}), (SELECT max({key}) FROM {table})"
    ).one()
    if ends[0] is None:
        return []
    marks = sorted(set(np.linspace(ends[0], ends[1], SAMPLE).astype(np.int64).tolist()))
    first = f"SELECT min({key}) FROM {table} WHERE {key} >= value"
    rows = connection.exec_driver_sql(
        f"SELECT DISTINCT ({first}) FROM json_each(?)", (json.dumps(marks),)
    )
    return [int(found) for found in rows.scalars() if found is not None]
