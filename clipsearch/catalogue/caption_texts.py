"""What captions say and who says it, for hits that were found by them."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from clipsearch.catalogue.connections import Reading
from clipsearch.values import Caption, Ids


def captions_by_id(connection: Reading, caption_ids: Sequence[int]) -> dict[int, Caption]:
    """Those captions, by their ids."""
    query = (
        "SELECT id, text, source, kind FROM captions WHERE id IN (SELECT value FROM json_each(?))"
    )
    rows = connection.exec_driver_sql(query, (json.dumps([int(each) for each in caption_ids]),))
    return {row.id: Caption(row.text, row.source, row.kind) for row in rows}


def generated_among(connection: Reading, caption_ids: Ids) -> Ids:
    """Those of the captions that a model wrote, ascending."""
    query = (
        "SELECT id FROM captions WHERE id IN (SELECT value FROM json_each(?)) "
        "AND source LIKE 'generated%' ORDER BY id"
    )
    rows = connection.exec_driver_sql(query, (json.dumps(caption_ids.tolist()),))
    return np.array(rows.scalars().all(), np.int64)
