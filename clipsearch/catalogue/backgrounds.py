"""What was measured of everyday texts over the collection, kept in one row.

Each function works inside the caller's transaction.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from clipsearch.catalogue.connections import Reading
from clipsearch.values import Embeddings


@dataclass(frozen=True, slots=True)
class BackgroundStamp:
    """What a background was measured with: digests of tower and texts, key of a generation."""

    tower: str
    texts: str
    generation: str


@dataclass(frozen=True, slots=True, eq=False)
class KeptBackground:
    """The figures as they were given, and embeddings [n, dim] rounded to float16."""

    stamp: BackgroundStamp
    figures: Mapping[str, Any]
    texts: Embeddings
    sample: Embeddings


def background_stamp(connection: Reading) -> BackgroundStamp | None:
    """What the background was measured with; None where there is none."""
    row = connection.exec_driver_sql("SELECT tower, texts, generation FROM background").first()
    return BackgroundStamp(*row) if row else None


def kept_background(connection: Reading, dim: int) -> KeptBackground | None:
    """The background; None where there is none of embeddings of that width."""
    row = connection.exec_driver_sql("SELECT * FROM background").first()
    if row is None or len(row.text_embeddings) % (2 * dim) or len(row.sample) % (2 * dim):
        return None
    return KeptBackground(
        BackgroundStamp(row.tower, row.texts, row.generation),
        json.loads(row.figures),
        _rows(row.text_embeddings, dim),
        _rows(row.sample, dim),
    )


def keep_background(connection: Reading, kept: KeptBackground) -> None:
    """Put a background in the place of the one before."""
    connection.exec_driver_sql(
        "INSERT OR REPLACE INTO background "
        "(id, tower, texts, generation, figures, text_embeddings, sample) "
        "VALUES (1, ?, ?, ?, ?, ?, ?)",
        (
            kept.stamp.tower,
            kept.stamp.texts,
            kept.stamp.generation,
            json.dumps(dict(kept.figures)),
            kept.texts.astype("<f2").tobytes(),
            kept.sample.astype("<f2").tobytes(),
        ),
    )


def _rows(raw: bytes, dim: int) -> Embeddings:
    return np.frombuffer(raw, "<f2").reshape(-1, dim).astype(np.float32)
