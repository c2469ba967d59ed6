"""kill -9 before every durable step in which captions come in: none is lost, none stands twice."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from colour_towers import ColourTowers
from forking import run_python

from clipsearch import Collection, IngestOptions
from clipsearch.catalogue import Catalogue

Paint = Callable[[str, str], Path]
PROGRAM = Path(__file__).with_name("dying_captions.py")


def run_and_die(home: Path, pictures: Path, deadly: int) -> CompletedProcess[bytes]:
    return run_python([str(PROGRAM), str(home), str(pictures), str(deadly)])


def content(home: Path) -> list[tuple[object, ...]]:
    """Every caption with its id and embedding, and every file that one came from."""
    queries = (
        "SELECT * FROM captions ORDER BY id",
        "SELECT * FROM caption_files ORDER BY path",
    )
    with (
        Catalogue.open(home / "collections" / "default") as catalogue,
        catalogue.reader() as connection,
    ):
        return [tuple(row) for query in queries for row in connection.exec_driver_sql(query)]


@pytest.mark.slow
def test_captions_that_came_in_anywhere_up_to_a_kill_end_as_without_it(
    tmp_path: Path, pictures: Path, paint: Paint
) -> None:
    paint("a.png", "red")
    paint("b.png", "blue")
    (pictures / "a.txt").write_text("old\nred\n")
    (pictures / "b.txt").write_text("gone\n")
    start = tmp_path / "start"
    with Collection(home=start, tower=ColourTowers()) as collection:
        collection.ingest([pictures])
    (pictures / "a.txt").write_text("red\nwhite red\n")
    (pictures / "b.txt").unlink()
    (pictures / "b.json").write_text('{"caption": "blue", "tags": ["blue", "green"]}')
    (pictures / "t.csv").write_text("filepath,title\nb.png,black\nc.png,x\n")
    counted = run_and_die(shutil.copytree(start, tmp_path / "whole"), pictures, 0)
    assert counted.returncode == 0, counted.stderr
    steps, expected = int(counted.stdout), content(tmp_path / "whole")
    assert len(expected) == 5 + 3
    assert steps > 8, "too few steps to say anything"
    for deadly in range(1, steps + 1):
        home = shutil.copytree(start, tmp_path / "home")
        died = run_and_die(home, pictures, deadly)
        assert died.returncode == -9, died.stderr
        with Collection(home=home, tower=ColourTowers()) as collection:
            assert collection.verify().whole, f"torn before step {deadly}"
            collection.ingest([pictures], IngestOptions(captions=(pictures / "t.csv",)))
            assert collection.verify().whole
        assert content(home) == expected, f"another end after step {deadly}"
        shutil.rmtree(home)
