"""How much disk a migration takes, and whether it is there."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

from clipsearch.migration_errors import SpaceShort

PAGE = 4096
# A row's header, its id, and its entry in the page.
OVERHEAD = 14
# SQLite keeps a row whole up to the first size, else a part in the leaf and the rest in pages
# of its own (https://www.sqlite.org/fileformat2.html, "B-tree Cell Format").
LARGEST_WHOLE = PAGE - 35
LEAST_LOCAL = (PAGE - 12) * 32 // 255 - 23
BESIDE_OVERFLOW = PAGE - 4
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
    row = 4 * dim + OVERHEAD
    local = row
    if row > LARGEST_WHOLE:
        local = LEAST_LOCAL + (row - LEAST_LOCAL) % BESIDE_OVERFLOW
        local = local if local <= LARGEST_WHOLE else LEAST_LOCAL
    overflow = rows * math.ceil((row - local) / BESIDE_OVERFLOW)
    return (math.ceil(rows / (PAGE // local)) + overflow) * PAGE


def index_bytes(rows: int, dim: int) -> int:
    """What an index of so many embeddings takes at most: fp16, an id each, and codes."""
    return rows * (2 * dim + 8 + dim // 8)
