"""Opens the catalogue's SQLite file, refuses what is not one, and names what goes wrong."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool, StaticPool

from clipsearch.catalogue.schema import (
    APPLICATION_ID,
    SCHEMA_VERSION,
    create_schema,
    facts,
    migrate_schema,
)
from clipsearch.durable import TEMPORARY, sync_folder
from clipsearch.errors import (
    CatalogueDamaged,
    CatalogueForeign,
    CatalogueTooNew,
    ClipsearchError,
    HomeUnwritable,
    StorageFull,
)

BUSY_SECONDS = 30.0


def open_database(path: Path) -> Engine:
    """Open a catalogue that exists; it is never created and a foreign file is never touched.

    Raises CatalogueForeign, CatalogueDamaged or CatalogueTooNew. A folder that cannot be
    written is read as it stands.
    """
    version = _signed_version(path)
    if version > SCHEMA_VERSION:
        raise CatalogueTooNew(path, version, SCHEMA_VERSION)
    engine = _readable_engine(path)
    if version < SCHEMA_VERSION:
        _migrate(engine, path)
    return engine


def create_database(path: Path, first_facts: Mapping[str, str]) -> Engine:
    """Make a new catalogue that holds some facts and no images, whole or not at all.

    It is made under another name without a write-ahead log, so that the file that takes the
    catalogue's name carries its signature in its first bytes.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}{TEMPORARY}")
    temporary.unlink(missing_ok=True)
    with named_errors(path):
        with closing(sqlite3.connect(temporary, isolation_level=None)) as connection:
            engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
            with engine.connect() as made, transaction(made):
                create_schema(made)
                for key, value in first_facts.items():
                    made.execute(facts.insert().values(key=key, value=value))
        temporary.replace(path)
    sync_folder(path.parent)
    return open_database(path)


@contextmanager
def transaction(connection: Connection) -> Iterator[Connection]:
    """One transaction that holds the write lock from its beginning and commits at the end."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    try:
        yield connection
    except BaseException:
        connection.exec_driver_sql("ROLLBACK")
        raise
    connection.exec_driver_sql("COMMIT")


@contextmanager
def named_errors(path: Path) -> Iterator[None]:
    """Turn what SQLite says into one of our errors."""
    try:
        yield
    except DBAPIError as error:
        raise _named(error.orig, path) from error
    except sqlite3.Error as error:
        raise _named(error, path) from error


def integrity_faults(engine: Engine) -> list[str]:
    """What SQLite finds wrong with the file and its references; empty when all is well."""
    with engine.connect() as connection:
        rows = connection.exec_driver_sql("PRAGMA integrity_check(20)").scalars().all()
        faults = [str(row) for row in rows if row != "ok"]
        if not faults and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
            faults.append("rows refer to images that are not there")
    return faults


def _named(error: BaseException | None, path: Path) -> ClipsearchError:
    said = str(error)
    if "disk is full" in said or "disk I/O error" in said:
        return StorageFull(path)
    if "readonly" in said or "unable to open" in said:
        return HomeUnwritable(path, said)
    return CatalogueDamaged(path, said)


def _signed_version(path: Path) -> int:
    """The schema of a catalogue, read from the file's own header without opening it.

    SQLite takes an empty file for an empty database, so the signature is looked at first
    (https://www.sqlite.org/fileformat.html: user_version at 60, application_id at 68).
    """
    with path.open("rb") as file:
        header = file.read(100)
    if len(header) < 100 or not header.startswith(b"SQLite format 3\0"):
        raise CatalogueForeign(path, "it is empty" if not header else "it is no SQLite database")
    if int.from_bytes(header[68:72], "big") != APPLICATION_ID:
        raise CatalogueForeign(path, "another program's database")
    return int.from_bytes(header[60:64], "big")


def _readable_engine(path: Path) -> Engine:
    """An engine that reads; it writes, too, where the folder can be written.

    WAL needs a shared-memory file beside the database. Where none can be made, on a disk that
    is full or cannot be written, a database without a log is read as it stands.
    """
    log = path.with_name(path.name + "-wal")
    as_it_stands = "mode=ro" if log.exists() and log.stat().st_size else "mode=ro&immutable=1"
    if not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        return _engine(path, as_it_stands)
    engine = _engine(path, "mode=rw")
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("SELECT count(*) FROM sqlite_schema")
    except DBAPIError as error:
        if not isinstance(_named(error.orig, path), StorageFull):
            raise
        return _engine(path, as_it_stands)
    return engine


def _engine(path: Path, mode: str) -> Engine:
    uri = f"file:{quote(os.fsencode(path))}?{mode}"

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(
            uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )

    engine = create_engine("sqlite://", creator=connect, poolclass=QueuePool)
    event.listen(engine, "connect", _prepare_writable if "ro" not in mode else _prepare)
    return engine


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA mmap_size = 268435456")


def _prepare_writable(connection: sqlite3.Connection, record: object) -> None:
    _prepare(connection, record)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")


def _migrate(engine: Engine, path: Path) -> None:
    with named_errors(path), engine.connect() as connection, transaction(connection):
        found = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
        migrate_schema(connection, int(found))
