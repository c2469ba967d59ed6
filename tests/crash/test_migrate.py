"""kill -9 before every durable step of a migration: one tower or the other, never a mix."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from colour_towers import ColourTowers
from forking import run_python

from clipsearch import Collection, MigrationOptions
from clipsearch.catalogue import Catalogue

Paint = Callable[[str, str], Path]
PROGRAM = Path(__file__).with_name("dying_migration.py")
OLD, NEW = ColourTowers(), ColourTowers("new", side=16)
OPTIONS = MigrationOptions(batch=4, workers=1)


def run_and_die(home: Path, deadly: int) -> CompletedProcess[bytes]:
    return run_python([str(PROGRAM), str(home), str(deadly)])


def content(home: Path) -> list[tuple[object, ...]]:
    """Every image with its embedding bit for bit, and what is known of it."""
    query = (
        "SELECT i.id, i.fingerprint, f.path, e.embedding, c.text FROM images i "
        "JOIN files f ON f.image_id = i.id JOIN embeddings e ON e.image_id = i.id "
        "LEFT JOIN captions c ON c.image_id = i.id ORDER BY f.path"
    )
    folder = home / "collections" / "default"
    with Catalogue.open(folder) as catalogue, catalogue.reader() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query)]


def held(home: Path) -> ColourTowers:
    """The towers that the collection has now."""
    with Catalogue.open(home / "collections" / "default") as catalogue:
        return OLD if catalogue.tower() == OLD.identity else NEW


@pytest.mark.slow
def test_a_migration_killed_anywhere_goes_on_to_the_same_end(
    tmp_path: Path, pictures: Path, paint: Paint
) -> None:
    for number in range(7):
        paint(f"{number:02}.png", ["red", "green", "blue", "white"][number % 4])
    start = tmp_path / "start"
    with Collection(home=start, tower=OLD) as collection:
        collection.ingest([pictures])
        collection.rebuild()  # so that an old index is retired after the switch
        before = collection.query("red", k=7)
    counted = run_and_die(shutil.copytree(start, tmp_path / "whole"), 0)
    assert counted.returncode == 0, counted.stderr
    steps, expected = int(counted.stdout), content(tmp_path / "whole")
    assert len(expected) == 7
    assert steps > 10, "too few steps to say anything"
    seen = set()
    for deadly in range(1, steps + 1):
        home = shutil.copytree(start, tmp_path / "home")
        died = run_and_die(home, deadly)
        assert died.returncode == -9, died.stderr
        towers = held(home)
        seen.add(towers.identity.name)
        with Collection(home=home, tower=towers) as collection:
            found = collection.query("red", k=7)
            assert collection.verify().whole, deadly
            assert [hit.image.id for hit in found] == [hit.image.id for hit in before], deadly
            collection.migrate(NEW, OPTIONS)
            assert collection.verify().whole, deadly
        assert content(home) == expected, deadly
        shutil.rmtree(home)
    assert seen == {"colours", "new"}
