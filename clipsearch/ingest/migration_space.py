"""How much disk a migration takes, and whether it is there."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

from clipsearch.migration_errors import SpaceShort

PAGE = 4096
# SQLite keeps a row whole in a leaf page up to this size (fileformat2.html, "payload size").
LARGEST_WHOLE = PAGE - 35
ROW_HEADER = 14
# The write-ahead log between two checkpoints, and room to breathe.
MARGIN = 16 << 20


def refuse_short_space(folder: Path, to_embed: int, staged: int, dim: int) -> None:
    """Raise SpaceShort unless the disk has room for the embeddings to come and for the index."""
    needed = table_bytes(to_embed, dim) + index_bytes(to_embed + staged, dim) + MARGIN
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise SpaceShort(folder, needed, free)


def table_bytes(rows: int, dim: int) -> int:
    """What so many embeddings [dim] take in SQLite's pages."""
    row = 4 * dim + ROW_HEADER
    if row <= LARGEST_WHOLE:
        return math.ceil(rows / (LARGEST_WHOLE // row)) * PAGE
    return rows * math.ceil(row / (PAGE - 4)) * PAGE


def index_bytes(rows: int, dim: int) -> int:
    """What an index of so many embeddings takes at most: fp16, an id each, and codes."""
    return rows * (2 * dim + 8 + dim // 8)
