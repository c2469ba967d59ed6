"""Damage, full disks and other writers: said, never guessed, and mended by one command."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from conftest import Paint
from running import Clipsearch

from clipsearch.catalogue import FILE_NAME

HOLD_THE_LOCK = """
import sys
from pathlib import Path
from clipsearch.lock import only_writer
with only_writer(Path(sys.argv[1]), "default", 0):
    print("held", flush=True)
    sys.stdin.read()
"""


def folder_of(program: Clipsearch) -> Path:
    return program.home / "collections" / "default"


def test_a_second_writer_is_told_who_writes(copied: Clipsearch) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD_THE_LOCK, folder_of(copied)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        holder.stdout.readline()
        refused = copied("index")
        found = copied("query", "a cat")
        holder.stdin.close()
    assert refused.code == 2
    assert f"process {holder.pid} is writing the collection 'default'" in refused.err
    assert found.code == 0


@pytest.mark.parametrize(
    "command",
    [
        *(["index"], ["rebuild"], ["remove", "--all", "--yes"]),
        ["demo", "pictures", "--out", "page.html"],
    ],
    ids=lambda command: command[0],
)
def test_every_command_that_writes_can_wait_for_another_writer(
    clipsearch: Clipsearch, paint: Paint, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.chdir(paint("red.png", "red").parents[1])
    name = "demo" if command[0] == "demo" else "default"
    assert clipsearch("index", "pictures", "-c", name).code == 0
    with subprocess.Popen(
        [sys.executable, "-c", HOLD_THE_LOCK, folder_of(clipsearch).with_name(name)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        holder.stdout.readline()
        refused = clipsearch(*command)
        with clipsearch.start(*command, "--wait", "60") as waiting:
            holder.stdin.close()
            _, said = waiting.communicate(timeout=60)
    assert refused.code == 2
    assert "`--wait SECONDS`" in refused.err
    assert waiting.returncode == 0, said


def largest_file(folder: Path) -> Path:
    files = (path for path in (folder / "generations").rglob("*") if path.is_file())
    return max(files, key=lambda path: path.stat().st_size)


@pytest.mark.parametrize("damage", ["cut", "emptied", "overwritten"])
def test_a_damaged_index_is_said_and_made_again(copied: Clipsearch, damage: str) -> None:
    index = largest_file(folder_of(copied))
    whole = index.read_bytes()
    kept = {"cut": whole[: len(whole) // 2], "emptied": b""}
    index.write_bytes(kept.get(damage, os.urandom(len(whole))))
    before = copied("query", "a cat")
    assert before.code == 2
    assert "run `clipsearch rebuild`" in before.err
    assert copied("verify").code == 2
    assert copied("rebuild").code == 0
    after = copied("query", "a cat", "--paths")
    assert after.code == 0
    assert after.lines[0].endswith("chelsea.png")
    assert copied("verify").out == "default: 28 images, whole\n"


def test_what_mends_an_index_names_the_collection(clipsearch: Clipsearch, paint: Paint) -> None:
    clipsearch("index", paint("red.png", "red"), "-c", "holidays")
    index = largest_file(clipsearch.home / "collections" / "holidays")
    index.write_bytes(b"")
    said = clipsearch("query", "red", "--all", "-c", "holidays").err
    assert "run `clipsearch rebuild -c holidays`" in said
    assert clipsearch("rebuild", "-c", "holidays").code == 0
    assert clipsearch("query", "red", "--all", "-c", "holidays").code == 0


@pytest.mark.parametrize("content", [b"", b"no database at all" * 100], ids=["empty", "garbage"])
def test_a_catalogue_that_is_none_is_said_and_left_untouched(
    copied: Clipsearch, content: bytes
) -> None:
    catalogue = folder_of(copied) / FILE_NAME
    catalogue.write_bytes(content)
    for command in (["query", "a cat"], ["index"], ["status"], ["rebuild"]):
        ran = copied(*command)
        assert ran.code == 2
        assert str(catalogue) in ran.err
        assert "Traceback" not in ran.err
    assert catalogue.read_bytes() == content


def test_a_catalogue_with_a_page_overwritten_is_found_by_verify(copied: Clipsearch) -> None:
    catalogue = folder_of(copied) / FILE_NAME
    with catalogue.open("r+b") as file:
        file.seek(4096 * 3)
        file.write(b"\xa5" * 4096 * 4)
    damaged = catalogue.read_bytes()
    ran = copied("verify")
    assert ran.code == 2
    assert f"the catalogue {catalogue} is damaged" in ran.err
    assert "It was left as it is" in ran.err
    assert catalogue.read_bytes() == damaged


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 2 MiB."""
    mounted = tmp_path / "disk"
    mounted.mkdir()
    options = ["-t", "tmpfs", "-o", "size=2m", "tmpfs", str(mounted)]
    mount = shutil.which("mount")
    if mount is None or subprocess.run([mount, *options], capture_output=True).returncode:
        pytest.skip("only root can mount a small disk here")
    try:
        yield mounted
    finally:
        subprocess.run(["umount", str(mounted)], check=False)


def test_a_full_disk_is_said_with_its_place(
    small_disk: Path, paint: Paint, photographs: Path
) -> None:
    program = Clipsearch(small_disk / "home")
    assert program("index", paint("red.png", "red")).code == 0
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"\0" * 512):
            pass
    ran = program("index", photographs)
    assert ran.code == 2
    assert "no space left" in ran.err
    assert str(small_disk) in ran.err
    assert "Traceback" not in ran.err
    # SQLite shares 32 KiB of memory in a file beside the catalogue, to read it, too.
    os.truncate(filler, filler.stat().st_size - (1 << 16))
    assert program("query", "red", "--all").code == 0
    filler.unlink()
    assert program("index", photographs).code == 0
