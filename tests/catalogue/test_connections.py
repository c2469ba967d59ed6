"""Connections that read by SQLite itself, and say what SQLAlchemy's would say."""

from __future__ import annotations

import sqlite3
from contextlib import ExitStack
from pathlib import Path

import pytest

from clipsearch.catalogue import Catalogue, Reading, reading, transaction, writing
from clipsearch.errors import CatalogueDamaged
from clipsearch.values import TowerIdentity

TOWER = TowerIdentity("colours", 4, "fp32", "0" * 64)
FACTS = "SELECT key, value AS said FROM facts WHERE key IN (?, ?) ORDER BY key"


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    return Catalogue.create(tmp_path, TOWER)


def put(catalogue: Catalogue, key: str, value: str) -> None:
    with catalogue.writer() as connection, transaction(connection):
        writing.set_fact(connection, key, value)


def all_answers(connection: Reading) -> list[object]:
    """What each way to read an answer gives."""
    one = connection.exec_driver_sql("SELECT value FROM facts WHERE key = :key", {"key": "a"})
    return [
        [tuple(row) for row in connection.exec_driver_sql(FACTS, ("a", "b")).all()],
        [(row.key, row.said) for row in connection.exec_driver_sql(FACTS, ("a", "b"))],
        tuple(connection.exec_driver_sql(FACTS, ("a", "b")).first()),
        list(connection.exec_driver_sql(FACTS, ("a", "b")).scalars()),
        list(connection.exec_driver_sql(FACTS, ("a", "b")).scalars().all()),
        connection.exec_driver_sql(FACTS, ("b", "x")).scalar(),
        connection.exec_driver_sql(FACTS, ("x", "y")).scalar(),
        connection.exec_driver_sql(FACTS, ("x", "y")).first(),
        tuple(connection.exec_driver_sql(FACTS, ("a", "x")).one()),
        one.scalar_one(),
    ]


def test_a_reader_and_a_writer_give_the_same_answers(catalogue: Catalogue) -> None:
    put(catalogue, "a", "1")
    put(catalogue, "b", "2")
    with catalogue.reader() as reader, catalogue.writer() as writer:
        assert all_answers(reader) == all_answers(writer)


def test_a_snapshot_sees_nothing_of_what_is_written_meanwhile(catalogue: Catalogue) -> None:
    put(catalogue, "a", "before")
    with catalogue.snapshot() as connection:
        assert reading.fact(connection, "a") == "before"
        put(catalogue, "a", "after")
        assert reading.fact(connection, "a") == "before"
    with catalogue.reader() as connection:
        assert reading.fact(connection, "a") == "after"


def test_a_block_that_fails_leaves_no_snapshot_to_the_next_one(catalogue: Catalogue) -> None:
    put(catalogue, "a", "before")
    with pytest.raises(ValueError, match="before"), catalogue.snapshot() as connection:
        int(reading.fact(connection, "a") or 0)
    put(catalogue, "a", "after")
    with catalogue.snapshot() as connection:
        assert reading.fact(connection, "a") == "after"


def test_many_read_at_once_and_few_connections_stay_open(catalogue: Catalogue) -> None:
    with ExitStack() as opened:
        readers = [opened.enter_context(catalogue.snapshot()) for _ in range(20)]
        assert {reading.tower(each) for each in readers} == {TOWER}
    assert 0 < len(catalogue._source._idle) < len(readers)


def test_a_catalogue_that_was_closed_opens_again(catalogue: Catalogue) -> None:
    catalogue.close()
    assert catalogue.tower() == TOWER


def test_what_sqlite_says_is_named_whichever_connection_heard_it(catalogue: Catalogue) -> None:
    for door in (catalogue.reader, catalogue.writer):
        with pytest.raises(CatalogueDamaged, match="no such table") as raised, door() as connection:
            connection.exec_driver_sql("SELECT * FROM absent")
        cause = raised.value.__cause__
        assert isinstance(getattr(cause, "orig", cause), sqlite3.Error)
