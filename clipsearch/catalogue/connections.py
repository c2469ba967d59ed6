"""Connections to ask a catalogue with, by SQLite itself.

A cold query is over in less time than SQLAlchemy takes to be imported. So whatever reads asks in
plain SQL through a `Reading`: a `Reader` of this module, or a writer's connection, which is
SQLAlchemy's and answers `exec_driver_sql` in the same way.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from operator import itemgetter
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

BUSY_SECONDS = 30.0
KEPT = 5
"""So many connections that nobody uses stay open for whoever comes next."""


class Values(Protocol):
    """The first column of an answer."""

    def all(self) -> Sequence[Any]:
        """All of them."""

    def __iter__(self) -> Iterator[Any]: ...


class Answer(Protocol):
    """The rows that answer a statement, each a tuple with its columns as attributes.

    It can be read once, in one of these ways.
    """

    def all(self) -> Sequence[Any]:
        """All rows."""

    def first(self) -> Any:
        """The first row; None if there is none."""

    def one(self) -> Any:
        """The only row."""

    def scalar(self) -> Any:
        """The first column of the first row; None if there is none."""

    def scalar_one(self) -> Any:
        """The first column of the only row."""

    def scalars(self) -> Values:
        """The first column of each row."""

    def __iter__(self) -> Iterator[Any]: ...


class Reading(Protocol):
    """What can be asked in SQL: a `Reader`, or SQLAlchemy's `Connection`."""

    def exec_driver_sql(
        self, statement: str, parameters: tuple[Any, ...] | dict[str, Any] | None = None, /
    ) -> Answer:
        """Run one statement as SQLite reads it, with `?` or `:name` for the parameters."""


Asked = TypeVar("Asked", bound=Reading)


class Rows:
    """An `Answer` of SQLite's, read row by row."""

    def __init__(self, rows: Iterator[Any]) -> None:
        self._rows = rows

    def all(self) -> list[Any]:
        """All rows."""
        return list(self._rows)

    def first(self) -> Any:
        """The first row; None if there is none."""
        return next(self._rows, None)

    def one(self) -> Any:
        """The only row."""
        (row,) = self._rows
        return row

    def scalar(self) -> Any:
        """The first column of the first row; None if there is none."""
        row = self.first()
        return None if row is None else row[0]

    def scalar_one(self) -> Any:
        """The first column of the only row."""
        return self.one()[0]

    def scalars(self) -> Rows:
        """The first column of each row."""
        return Rows(row[0] for row in self._rows)

    def __iter__(self) -> Iterator[Any]:
        return self._rows


class Reader:
    """A connection of SQLite's that asks; the thread that has it has it alone."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def exec_driver_sql(
        self, statement: str, parameters: tuple[Any, ...] | dict[str, Any] | None = None, /
    ) -> Rows:
        """Run one statement; its rows are read from the file as they are asked for."""
        found = self._connection.execute(statement, parameters or ())
        if found.description is None:
            return Rows(iter(()))
        return Rows(map(_row(tuple(column[0] for column in found.description)), found))

    def rollback(self) -> None:
        """End the transaction, if one was begun."""
        if self._connection.in_transaction:
            self._connection.rollback()


class Source:
    """One catalogue's file and how it is opened. Safe from several threads."""

    def __init__(self, path: Path, mode: str) -> None:
        """Name the file and the mode of SQLite's URI (`mode=rw`); nothing is opened yet."""
        self._uri = f"file:{quote(os.fsencode(path))}?{mode}"
        self._writable = "ro" not in mode
        self._idle: list[sqlite3.Connection] = []
        self._kept = KEPT

    def connect(self) -> sqlite3.Connection:
        """A new connection, in autocommit, which any thread may use and close."""
        connection = sqlite3.connect(
            self._uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA mmap_size = 268435456")
        if self._writable:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
        return connection

    @contextmanager
    def reader(self) -> Iterator[Reader]:
        """A connection to ask with, for one thread and for the time of the block."""
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self.connect()
        reader = Reader(connection)
        try:
            yield reader
            reader.rollback()
        except BaseException:
            connection.close()
            raise
        if len(self._idle) < self._kept:
            self._idle.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        """Let go of the file; what is in use is closed when it comes back."""
        self._kept = 0
        while self._idle:
            self._idle.pop().close()


@contextmanager
def transaction(connection: Asked) -> Iterator[Asked]:
    """One transaction that holds the write lock from its beginning and commits at the end."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    try:
        yield connection
    except BaseException:
        connection.exec_driver_sql("ROLLBACK")
        raise
    connection.exec_driver_sql("COMMIT")


@lru_cache
def _row(columns: tuple[str, ...]) -> type[tuple[Any, ...]]:
    """A tuple whose columns are attributes: a named tuple, made in a tenth of the time."""
    named = {name: property(itemgetter(at)) for at, name in enumerate(columns)}
    return type("Row", (tuple,), {"__slots__": (), **named})
