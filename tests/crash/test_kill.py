"""kill -9 before every durable step of an ingestion: nothing is torn, and it can go on.

kill -9 does not show what a power cut does: that rests on fsync, which these steps count.
"""

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
PROGRAM = Path(__file__).with_name("dying_ingest.py")
OPTIONS = IngestOptions(batch=4, workers=1)


def run_and_die(home: Path, pictures: Path, deadly: int) -> CompletedProcess[bytes]:
    return run_python([str(PROGRAM), str(home), str(pictures), str(deadly)])


def content(home: Path) -> list[tuple[object, ...]]:
    """Every row that an ingestion writes, embeddings bit for bit."""
    query = (
        "SELECT i.id, i.fingerprint, f.path, f.size, e.embedding FROM images i "
        "JOIN files f ON f.image_id = i.id JOIN embeddings e ON e.image_id = i.id ORDER BY f.path"
    )
    folder = home / "collections" / "default"
    with Catalogue.open(folder) as catalogue, catalogue.reader() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query)]


@pytest.mark.slow
def test_a_run_killed_anywhere_goes_on_to_the_same_end(
    tmp_path: Path, pictures: Path, paint: Paint
) -> None:
    for number in range(13):
        paint(f"{number:02}.png", ["red", "green", "blue", "white"][number % 4])
    (pictures / "bad.jpg").write_bytes(b"nothing")
    counted = run_and_die(tmp_path / "whole", pictures, 0)
    assert counted.returncode == 0, counted.stderr
    steps, expected = int(counted.stdout), content(tmp_path / "whole")
    assert len(expected) == 13
    assert steps > 15, "too few steps to say anything"
    for deadly in range(1, steps + 1):
        home = tmp_path / "home"
        died = run_and_die(home, pictures, deadly)
        assert died.returncode == -9, died.stderr
        with Collection(home=home, tower=ColourTowers()) as collection:
            if collection.exists:
                assert collection.verify().faults == (), f"torn before step {deadly}"
                for image in collection:
                    collection.embedding(image.id)
                collection.query("red")
            collection.ingest([pictures], OPTIONS)
            assert collection.verify().faults == ()
            assert len(collection.query("red", k=100)) == 13
            leftovers = list(collection.folder.rglob("*clipsearch-tmp*"))
            assert leftovers == []
        assert content(home) == expected, f"another end after step {deadly}"
        shutil.rmtree(home)
