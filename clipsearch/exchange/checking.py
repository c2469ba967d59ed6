"""Looks a whole folder of embeddings over before anything of it is written."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from clipsearch.exchange.arrays import Rows, accepted, accepted_texts, open_rows
from clipsearch.exchange.layout import Part, find_parts
from clipsearch.exchange.parquet import Table
from clipsearch.exchange_errors import EmbeddingsRefused, ExchangeUnreadable
from clipsearch.values import Embeddings, Ids

CHUNK = 16_384
WIDTH_ADVICE = "One collection holds embeddings of one width: check `--tower`."


@dataclass(frozen=True, slots=True)
class Counted:
    """A part that was looked at, with its number of rows."""

    part: Part
    rows: int


@dataclass(frozen=True, slots=True)
class Inventory:
    """What a folder holds: its parts in order, and how wide its embeddings are."""

    parts: Sequence[Counted]
    dim: int

    @property
    def rows(self) -> int:
        """How many rows there are in all."""
        return sum(counted.rows for counted in self.parts)


def take_inventory(folder: Path) -> Inventory:
    """Count rows and widths by headers and footers alone.

    Raises ExchangeUnreadable where files of one part differ in rows or are not whole,
    EmbeddingsRefused where widths differ.
    """
    parts = [Counted(part, _rows_of(part)) for part in find_parts(folder)]
    arrays = [path for one in parts for path in (one.part.images, one.part.texts) if path]
    widths = {path: open_rows(path).shape[1] for path in arrays}
    dim = widths[parts[0].part.images]
    for path, width in widths.items():
        if width != dim:
            detail = f"holds embeddings of {width} numbers, others have {dim}"
            raise EmbeddingsRefused(path, None, detail, WIDTH_ADVICE)
    return Inventory(parts, dim)


def check_rows(inventory: Inventory, *, normalise: bool) -> None:
    """Look at every number. Raises EmbeddingsRefused."""
    for counted in inventory.parts:
        rows = PartRows(counted.part, normalise=normalise)
        for start in range(0, counted.rows, CHUNK):
            rows.images(start, start + CHUNK)
            rows.texts(start, start + CHUNK)


class PartRows:
    """The embeddings of one part, looked at as they are read."""

    def __init__(self, part: Part, *, normalise: bool) -> None:
        self._part = part
        self._normalise = normalise
        self._images = open_rows(part.images)
        self._texts = open_rows(part.texts) if part.texts is not None else None

    def images(self, start: int, end: int) -> Embeddings:
        """Those of the images in these rows, float32 [n, dim]. Raises EmbeddingsRefused."""
        rows, path = self._images[start:end], self._part.images
        return accepted(rows, path, _numbers(start, rows), normalise=self._normalise)

    def texts(self, start: int, end: int) -> Embeddings | None:
        """Those of their captions, 0 throughout where there is none; None if there are none."""
        if self._texts is None or self._part.texts is None:
            return None
        rows, path = self._texts[start:end], self._part.texts
        return accepted_texts(rows, path, _numbers(start, rows), normalise=self._normalise)


def _numbers(start: int, rows: Rows) -> Ids:
    return np.arange(start, start + len(rows), dtype=np.int64)


def _rows_of(part: Part) -> int:
    """How many rows a part has."""
    with closing(Table(part.metadata)) as table:
        rows = table.count
    for path in (part.images, part.texts):
        if path is not None and (held := len(open_rows(path))) != rows:
            detail = f"it has {held} rows, and {part.metadata.name} has {rows}"
            raise ExchangeUnreadable(path, detail)
    return rows
