"""Opens the catalogue's SQLite file, refuses what is not one, and names what goes wrong."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clipsearch.catalogue.connections import Source
from clipsearch.errors import (
    CatalogueDamaged,
    CatalogueForeign,
    CatalogueTooNew,
    ClipsearchError,
    HomeUnwritable,
    StorageFull,
)

APPLICATION_ID = 0x434C4950  # "CLIP", read as a big-endian integer
SCHEMA_VERSION = 4


def open_source(path: Path) -> tuple[Source, int]:
    """Open a catalogue that exists; it is never created and a foreign file is never touched.

    Returns its schema, too, which may be an earlier one. Raises CatalogueForeign or
    CatalogueTooNew. A folder that cannot be written is read as it stands.
    """
    version = _signed_version(path)
    if version > SCHEMA_VERSION:
        raise CatalogueTooNew(path, version, SCHEMA_VERSION)
    return _readable_source(path), version


@contextmanager
def named_errors(path: Path) -> Iterator[None]:
    """Turn what SQLite says into one of our errors."""
    try:
        yield
    except sqlite3.Error as error:
        raise _named(error, path) from error
    except Exception as error:
        # SQLAlchemy's own errors carry SQLite's; to name their class would import it
        said = getattr(error, "orig", None)
        if not isinstance(said, sqlite3.Error):
            raise
        raise _named(said, path) from error


def _named(error: sqlite3.Error, path: Path) -> ClipsearchError:
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


def _readable_source(path: Path) -> Source:
    """A source that reads; it writes, too, where the folder can be written.

    WAL needs a shared-memory file beside the database. Where none can be made, on a disk that
    is full or cannot be written, a database without a log is read as it stands.
    """
    log = path.with_name(path.name + "-wal")
    as_it_stands = "mode=ro" if log.exists() and log.stat().st_size else "mode=ro&immutable=1"
    if not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        return Source(path, as_it_stands)
    source = Source(path, "mode=rw")
    try:
        with source.reader() as reader:
            reader.exec_driver_sql("SELECT count(*) FROM sqlite_schema").scalar()
    except sqlite3.Error as error:
        if not isinstance(_named(error, path), StorageFull):
            raise
        return Source(path, as_it_stands)
    return source
