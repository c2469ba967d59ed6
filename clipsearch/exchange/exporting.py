"""Writes a collection as a folder of embeddings and metadata, whole or not at all."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from clipsearch.catalogue import Catalogue, reading
from clipsearch.catalogue.outgoing import (
    OutgoingChunk,
    any_text_embedding,
    outgoing_chunks,
)
from clipsearch.durable import (
    durable_folder,
    named_full_disk,
    sweep_dead,
    sync_file,
    sync_folder,
)
from clipsearch.exchange.arrays import Dtype, row_bytes, write_header
from clipsearch.exchange.layout import Part, part_in, write_manifest
from clipsearch.exchange.parquet import TableWriter, pyarrow
from clipsearch.exchange.records import COLUMNS, record_of
from clipsearch.exchange_errors import ExportInTheWay


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """How a collection is written: the numbers' type, and how many rows a part has at most."""

    dtype: Dtype = "float32"
    rows: int = 1_000_000


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was written; `texts` says whether embeddings of captions are among it."""

    images: int
    parts: int
    texts: bool
    seconds: float


def export_catalogue(catalogue: Catalogue, target: Path, options: ExportOptions) -> ExportReport:
    """Write all images of one moment; memory stays flat. Raises ExportInTheWay, ExtraMissing.

    A run that is stopped leaves nothing under the name of `target`.
    """
    if options.rows < 1:
        raise ValueError(f"a part needs at least one row, not {options.rows}")
    if target.exists() or target.is_symlink():
        raise ExportInTheWay(target)
    pyarrow()
    started = time.monotonic()
    sweep_dead(target)
    with named_full_disk(target), durable_folder(target) as folder:
        report = _write(catalogue, folder, options)
    return ExportReport(report.images, report.parts, report.texts, time.monotonic() - started)


def _write(catalogue: Catalogue, folder: Path, options: ExportOptions) -> ExportReport:
    with catalogue.snapshot() as connection:
        tower = reading.tower(connection)
        images = reading.count_embeddings(connection)
        texts = any_text_embedding(connection)
        parts = max(1, -(-images // options.rows))
        rest = _Chunks(outgoing_chunks(connection, tower.dim))
        for number in range(parts):
            rows = min(options.rows, images - number * options.rows)
            part = part_in(folder, number, parts, texts=texts)
            _write_part(part, rest.take(rows), (rows, tower.dim), options.dtype)
    counts = {"images": images, "parts": parts}
    sync_file(write_manifest(folder, tower, counts))
    return ExportReport(images, parts, texts, 0.0)


def _write_part(
    part: Part, chunks: Iterator[OutgoingChunk], shape: tuple[int, int], dtype: Dtype
) -> None:
    paths = [path for path in (part.images, part.texts, part.metadata) if path is not None]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
    with ExitStack() as opened:
        arrays = [opened.enter_context(path.open("wb")) for path in paths if path.suffix == ".npy"]
        table = TableWriter(part.metadata, COLUMNS)
        opened.callback(table.close)
        for file in arrays:
            write_header(file, shape, dtype)
        for chunk in chunks:
            rows = (chunk.embeddings, chunk.text_embeddings)
            for file, embeddings in zip(arrays, rows, strict=False):
                file.write(row_bytes(embeddings, dtype))
            table.write([record_of(image) for image in chunk.images])
    for path in paths:
        sync_file(path)
        sync_folder(path.parent)


class _Chunks:
    """Chunks that are cut where a part ends."""

    def __init__(self, chunks: Iterator[OutgoingChunk]) -> None:
        self._chunks = chunks
        self._left: OutgoingChunk | None = None

    def take(self, rows: int) -> Iterator[OutgoingChunk]:
        """The next `rows` images."""
        while rows > 0:
            chunk = self._left or next(self._chunks)
            head, tail = _cut(chunk, rows)
            self._left = tail if tail.images else None
            rows -= len(head.images)
            yield head


def _cut(chunk: OutgoingChunk, rows: int) -> tuple[OutgoingChunk, OutgoingChunk]:
    first, second = slice(None, rows), slice(rows, None)
    head, tail = (
        OutgoingChunk(
            chunk.images[piece],
            np.asarray(chunk.embeddings[piece]),
            np.asarray(chunk.text_embeddings[piece]),
        )
        for piece in (first, second)
    )
    return head, tail
