"""A disk that is full or cannot be written: said by name, and nothing that stood is lost."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from colour_towers import ColourTowers

from clipsearch import Collection, IngestOptions
from clipsearch.errors import HomeUnwritable, StorageFull

Paint = Callable[[str, str], Path]


def mounted(folder: Path, options: str) -> None:
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 2 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted(folder, "size=2m")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(ballast: Path) -> None:
    """Write to a file until the disk is full."""
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(b"\0" * 4096)


def test_a_full_disk_is_said_and_what_was_committed_stays(
    small_disk: Path, pictures: Path, paint: Paint
) -> None:
    paint("first.png", "red")
    collection = Collection(home=small_disk / "home", tower=ColourTowers())
    collection.ingest([pictures])  # row 52
    ballast = small_disk / "ballast"
    fill(ballast)
    for number in range(40):
        paint(f"more/{number}.png", "blue")
    with pytest.raises(StorageFull) as caught:
        collection.ingest([pictures], IngestOptions(batch=4))
    assert small_disk in caught.value.path.parents
    assert collection.query("red", k=1)[0].path == pictures / "first.png"
    collection.close()
    ballast.unlink()
    assert collection.verify().whole
    assert collection.ingest([pictures]).readable == 41


def test_a_disk_without_a_free_byte_is_still_read(
    small_disk: Path, pictures: Path, paint: Paint
) -> None:
    paint("first.png", "red")
    home = small_disk / "home"
    with Collection(home=home, tower=ColourTowers()) as collection:
        collection.ingest([pictures])
    fill(small_disk / "ballast")
    with Collection(home=home, tower=ColourTowers()) as collection:
        assert collection.query("red", k=1)[0].path == pictures / "first.png"
        paint("more.png", "blue")
        with pytest.raises((StorageFull, HomeUnwritable)):
            collection.ingest([pictures])


def test_a_disk_that_cannot_be_written_is_said_and_still_read(
    small_disk: Path, pictures: Path, paint: Paint
) -> None:
    paint("first.png", "red")
    home = small_disk / "home"
    with Collection(home=home, tower=ColourTowers()) as collection:
        collection.ingest([pictures])
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with Collection(home=home, tower=ColourTowers()) as collection:
        assert collection.query("red", k=1)[0].path == pictures / "first.png"
        with pytest.raises(HomeUnwritable, match="CLIPSEARCH_HOME"):
            collection.ingest([pictures])


def test_a_home_on_a_disk_that_cannot_be_written_is_said(small_disk: Path, paint: Paint) -> None:
    picture = paint("first.png", "red")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(HomeUnwritable):
        Collection(home=small_disk / "home", tower=ColourTowers()).ingest([picture.parent])
