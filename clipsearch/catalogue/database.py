"""The catalogue by SQLAlchemy, for whoever makes it, writes to it or brings it up to date."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import QueuePool, StaticPool

from clipsearch.catalogue.connections import Source, transaction
from clipsearch.catalogue.opening import named_errors
from clipsearch.catalogue.schema import create_schema, facts, migrate_schema
from clipsearch.durable import TEMPORARY, sync_folder


def engine_of(source: Source) -> Engine:
    """An engine whose connections are the source's."""
    return create_engine("sqlite://", creator=source.connect, poolclass=QueuePool)


def create_database(path: Path, first_facts: Mapping[str, str]) -> None:
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


def migrate_database(engine: Engine) -> None:
    """Bring a catalogue of an earlier schema to the present one, in one transaction."""
    with engine.connect() as connection, transaction(connection):
        found = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
        migrate_schema(connection, int(found))
