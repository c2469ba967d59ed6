"""kill -9 before every durable step of an export and of an import: a whole, or nothing."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from colour_towers import ColourTowers
from forking import run_python

from clipsearch import Collection

pytest.importorskip("pyarrow", reason="parquet needs clipsearch[exchange]")

Paint = Callable[[str, str], Path]
PROGRAM = Path(__file__).with_name("dying_exchange.py")


@pytest.fixture
def filled(collection: Collection, pictures: Path, paint: Paint) -> Collection:
    for colour in ("red", "green", "blue"):
        paint(f"{colour}.png", colour)
    collection.ingest([pictures])
    return collection


def run_and_die(home: Path, what: str, folder: Path, deadly: int) -> int:
    """Returns how many steps there are; dies before the step `deadly` unless that is 0."""
    done = run_python([str(PROGRAM), str(home), what, str(folder), str(deadly)])
    assert done.returncode == (-9 if deadly else 0), done.stderr
    return 0 if deadly else int(done.stdout)


@pytest.mark.slow
def test_an_export_killed_anywhere_leaves_nothing_under_its_name(
    filled: Collection, home: Path, tmp_path: Path
) -> None:
    steps = run_and_die(home, "export", tmp_path / "whole", 0)
    assert steps > 5, "too few steps to say anything"
    out = tmp_path / "out"
    for deadly in range(1, steps):  # the last step syncs a folder that is whole
        run_and_die(home, "export", out, deadly)
        assert not out.exists(), f"visible before step {deadly}"
    filled.export(out)
    assert list(tmp_path.glob(".out*")) == [], "what the dead left is swept"
    with Collection("copy", home=home, tower=ColourTowers()) as copy:
        assert copy.import_embeddings(out).added == 3


@pytest.mark.slow
def test_an_import_killed_anywhere_is_there_whole_or_not_at_all(
    filled: Collection, tmp_path: Path
) -> None:
    filled.export(tmp_path / "out")
    steps = run_and_die(tmp_path / "whole", "import", tmp_path / "out", 0)
    assert steps > 5, "too few steps to say anything"
    counts = set()
    for deadly in range(1, steps + 1):
        home = tmp_path / "other"
        run_and_die(home, "import", tmp_path / "out", deadly)
        with Collection(home=home, tower=ColourTowers()) as collection:
            if collection.exists:
                assert collection.verify().faults == (), f"torn before step {deadly}"
                counts.add(len(collection.query("red")))
            collection.import_embeddings(tmp_path / "out")
            assert [hit.image for hit in collection.query("red")] == [
                hit.image for hit in filled.query("red")
            ]
        shutil.rmtree(home)
    assert counts == {0, 3}
