"""The catalogue as one object: where it lies, who reads, who writes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import cached_property, partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np

from clipsearch.catalogue import reading
from clipsearch.catalogue.caption_rows import captions_after
from clipsearch.catalogue.connections import Reader, Reading, Source, transaction
from clipsearch.catalogue.opening import SCHEMA_VERSION, named_errors, open_source
from clipsearch.catalogue.rows import embeddings_as_they_stand
from clipsearch.migration_errors import TowerReplaced
from clipsearch.settings import CAPTION_GENERATIONS, GENERATIONS
from clipsearch.values import Embeddings, Ids, Image, TowerIdentity

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

FILE_NAME = "catalogue.sqlite"

ReadChunk = Callable[[Reading, int, int], tuple[Ids, Embeddings]]
"""(connection, last id, dim) -> the ids and embeddings that come next."""


class Indexed(StrEnum):
    """What an index holds; the value is the catalogue's fact that names its generation."""

    IMAGES = "generation"
    CAPTIONS = "caption_generation"

    @property
    def folder(self) -> str:
        """The folder of a collection's folder that holds its generations."""
        return GENERATIONS if self is Indexed.IMAGES else CAPTION_GENERATIONS


@dataclass(frozen=True, slots=True)
class NamedGeneration:
    """The index generation that the catalogue vouches for.

    Numbers are given again when a folder is restored from a backup; `key` is not.
    """

    number: int
    key: str


class Catalogue:
    """A collection's database, the truth of the collection.

    Reading is safe from several threads; there is one writer at a time, which the collection's
    lock sees to.
    """

    def __init__(self, path: Path, source: Source) -> None:
        self.path = path
        self._source = source

    @classmethod
    def open(cls, folder: Path) -> Catalogue:
        """Open the catalogue of a collection's folder.

        Raises CatalogueForeign, CatalogueDamaged or CatalogueTooNew.
        """
        path = folder / FILE_NAME
        with named_errors(path):
            source, version = open_source(path)
            catalogue = cls(path, source)
            if version < SCHEMA_VERSION:
                catalogue._migrate()
            return catalogue

    @classmethod
    def create(cls, folder: Path, tower: TowerIdentity) -> Catalogue:
        """Make the catalogue of a new collection, whose embeddings will be that tower's."""
        from clipsearch.catalogue.database import create_database  # no query pays for SQLAlchemy

        create_database(folder / FILE_NAME, {"tower": json.dumps(asdict(tower))})
        return cls.open(folder)

    @contextmanager
    def reader(self) -> Iterator[Reader]:
        """A connection to ask with."""
        with named_errors(self.path), self._source.reader() as connection:
            yield connection

    @contextmanager
    def writer(self) -> Iterator[Connection]:
        """A connection to write with, in transactions (`transaction`)."""
        with named_errors(self.path), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Reader]:
        """A connection whose answers are all of one moment, whatever is written meanwhile."""
        with self.reader() as connection:
            connection.exec_driver_sql("BEGIN")
            yield connection

    def tower(self) -> TowerIdentity:
        """Whose embeddings it holds."""
        with self.reader() as connection:
            return reading.tower(connection)

    def generation(self, indexed: Indexed = Indexed.IMAGES) -> NamedGeneration | None:
        """The index generation it names."""
        with self.reader() as connection:
            return named_generation(connection, indexed)

    def name_generation(
        self, generation: NamedGeneration, indexed: Indexed = Indexed.IMAGES
    ) -> None:
        """Name the index generation that readers are to use from now on."""
        with self.writer() as connection, transaction(connection):
            set_generation(connection, generation, indexed)

    def embedding_chunks(self) -> Iterator[tuple[Ids, Embeddings]]:
        """All embeddings in the order of their ids: int64 [n], float32 [n, dim] a chunk.

        The first chunk is empty, so that the width is known of an empty catalogue, too.
        Raises TowerReplaced if another tower's take their place meanwhile.
        """
        yield from self._chunks(reading.embedding_chunk)

    def caption_chunks(self) -> Iterator[tuple[Ids, Embeddings]]:
        """As `embedding_chunks`, of the captions: their own ids and embeddings."""
        yield from self._chunks(_caption_chunk)

    def embeddings_as_they_stand(self) -> Iterator[tuple[Ids, Embeddings]]:
        """As `embedding_chunks`, for a catalogue that may be damaged.

        An embedding of another length than the tower's is NaN throughout.
        """
        decode = embeddings_as_they_stand
        yield from self._chunks(partial(reading.embedding_chunk, decode=decode))

    def _chunks(self, read: ReadChunk) -> Iterator[tuple[Ids, Embeddings]]:
        tower, last = self.tower(), 0
        yield np.empty(0, np.int64), np.empty((0, tower.dim), np.float32)
        while True:
            with self.snapshot() as connection:
                if (now := reading.tower(connection)) != tower:
                    raise TowerReplaced(tower, now)
                ids, rows = read(connection, last, tower.dim)
            if not len(ids):
                return
            yield ids, rows
            last = int(ids[-1])

    def images(self, ids: Sequence[int] | None = None) -> Iterator[Image]:
        """Those of the `ids` that stand, in their order; without ids every image, by id."""
        with named_errors(self.path):
            if ids is None:
                yield from reading.all_images(self._source.reader)
            else:
                yield from reading.images_in_turn(self._source.reader, ids)

    def faults(self) -> list[str]:
        """What is wrong with the file; empty when all is well."""
        with self.reader() as connection:
            return reading.integrity_faults(connection)

    def close(self) -> None:
        """Let go of the file."""
        if "_engine" in vars(self):
            self._engine.dispose()
        self._source.close()

    @cached_property
    def _engine(self) -> Engine:
        from clipsearch.catalogue.database import engine_of  # it imports SQLAlchemy

        return engine_of(self._source)

    def _migrate(self) -> None:
        from clipsearch.catalogue.database import migrate_database

        migrate_database(self._engine)

    def __enter__(self) -> Catalogue:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def named_generation(
    connection: Reading, indexed: Indexed = Indexed.IMAGES
) -> NamedGeneration | None:
    """The index generation that a catalogue names."""
    held = reading.fact(connection, indexed)
    return NamedGeneration(**json.loads(held)) if held else None


def set_generation(
    connection: Connection, generation: NamedGeneration, indexed: Indexed = Indexed.IMAGES
) -> None:
    """Name an index generation, inside the caller's transaction."""
    from clipsearch.catalogue import writing  # it imports SQLAlchemy

    writing.set_fact(connection, indexed, json.dumps(asdict(generation)))


def _caption_chunk(connection: Reading, after: int, dim: int) -> tuple[Ids, Embeddings]:
    rows = captions_after(connection, after, dim)
    return rows.ids, rows.embeddings
