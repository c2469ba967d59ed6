"""Takes a folder of embeddings into a catalogue: looked over first, then in one transaction."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

from sqlalchemy import Connection

from clipsearch.catalogue import transaction
from clipsearch.catalogue.incoming import put_images
from clipsearch.exchange.checking import Counted, Inventory, PartRows
from clipsearch.exchange.incoming_rows import ImportOptions, Incoming, RowReader
from clipsearch.exchange.parquet import Table
from clipsearch.exchange.records import BadRecord
from clipsearch.exchange_errors import ExchangeUnreadable
from clipsearch.values import Skip

OnRows = Callable[[int, int], None]
"""Hears how many rows are in, and of how many."""


@dataclass(slots=True)
class ImportReport:
    """What came of the rows: images that are new, and rows that have a file here.

    `failed` are files that could not be read: their rows are in, as images without files.
    """

    rows: int = 0
    added: int = 0
    with_file: int = 0
    failed: tuple[Skip, ...] = ()
    seconds: float = 0.0

    @property
    def known(self) -> int:
        """How many rows hold an image that stood already, or another row's."""
        return self.rows - self.added


def import_rows(
    connection: Connection, inventory: Inventory, options: ImportOptions, on_rows: OnRows
) -> ImportReport:
    """Write all rows in one transaction; memory stays flat.

    Stopping it at any moment leaves the catalogue as it was. Raises ExchangeUnreadable, and
    EmbeddingsRefused where the folder changed since it was looked over.
    """
    started, report = time.monotonic(), ImportReport()
    failed: list[Skip] = []
    with transaction(connection), RowReader(options) as reader:
        for counted in inventory.parts:
            for incoming in _incoming(counted, reader, options):
                report.added += put_images(connection, [one.image for one in incoming])
                report.rows += len(incoming)
                report.with_file += sum(bool(one.image.files) for one in incoming)
                failed += [one.skip for one in incoming if one.skip is not None]
                on_rows(report.rows, inventory.rows)
    report.failed = tuple(failed)
    report.seconds = time.monotonic() - started
    return report


def _incoming(
    counted: Counted, reader: RowReader, options: ImportOptions
) -> Iterator[list[Incoming]]:
    """The images of a part, batch by batch."""
    part, start = counted.part, 0
    rows = PartRows(part, normalise=options.normalise)
    with closing(Table(part.metadata)) as table:
        for batch in table.batches():
            end = start + len(batch)
            texts = rows.texts(start, end)
            try:
                yield reader.read(batch, rows.images(start, end), texts)
            except BadRecord as error:
                raise ExchangeUnreadable(
                    part.metadata, f"rows {start} to {end}: {error}"
                ) from error
            start = end
    if start != counted.rows:
        raise ExchangeUnreadable(part.metadata, "it changed while it was read")
