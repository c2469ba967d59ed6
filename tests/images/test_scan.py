"""A scan finds pictures and nothing else, in one order, whatever the tree is like."""

from __future__ import annotations

import os
import socket
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from clipsearch.images import Scan, ScanRules
from clipsearch.values import FoundFile, Skip, SkipCode

Touch = Callable[..., Path]


@pytest.fixture
def touch(tmp_path: Path) -> Touch:
    """Makes a file (with its folders) under the root; returns its path."""

    def touched(name: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
        return path

    return touched


def found(root: Path, rules: ScanRules | None = None) -> list[str]:
    """Relative paths of what a scan finds; fails on a skip."""
    items = list(Scan(root, rules or ScanRules()))
    assert all(isinstance(item, FoundFile) for item in items)
    return [str(item.path.relative_to(root)) for item in items]


def skips(scan: Scan) -> list[tuple[str, SkipCode]]:
    return [(item.path.name, item.code) for item in scan if isinstance(item, Skip)]


def test_pictures_are_found_by_their_extension(tmp_path: Path, touch: Touch) -> None:
    wanted = {"a.jpg", "b.JPEG", "c.png", "d.WebP", "e.gif", "f.tif", "g.TIFF", "h.bmp"}
    wanted |= {"i.jp2", "j.heic", "k.HEIF", "l.avif"}
    for name in (*wanted, "notes.txt", "film.mp4", "jpg", "page.svg", "drawing.psd"):
        touch(name)
    assert set(found(tmp_path)) == wanted


def test_files_come_before_folders_each_in_the_order_of_names(tmp_path: Path, touch: Touch) -> None:
    for name in ("b/2.jpg", "z.jpg", "a/c/1.jpg", "b/1.jpg", "a/3.jpg", "A.jpg"):
        touch(name)
    expected = ["A.jpg", "z.jpg", "a/3.jpg", "a/c/1.jpg", "b/1.jpg", "b/2.jpg"]
    assert found(tmp_path) == expected
    assert found(tmp_path) == expected


def test_size_and_time_are_as_the_system_says(tmp_path: Path, touch: Touch) -> None:
    path = touch("a.jpg")
    os.utime(path, ns=(1, 1_234_567_890_123_456_789))
    assert list(Scan(tmp_path, ScanRules())) == [FoundFile(path, 1, 1_234_567_890_123_456_789)]


# Row 56
@pytest.mark.parametrize("seconds", [-2_177_452_800, 4_291_747_200])
def test_a_time_in_1901_or_2106_is_no_obstacle(seconds: int, tmp_path: Path, touch: Touch) -> None:
    os.utime(touch("a.jpg"), (seconds, seconds))
    (file,) = Scan(tmp_path, ScanRules())
    assert isinstance(file, FoundFile)
    assert abs(file.mtime_ns) > 10**18


def test_hidden_names_are_left_out_unless_asked_for(tmp_path: Path, touch: Touch) -> None:
    for name in (".a.jpg", ".hidden/b.jpg", "c.jpg"):
        touch(name)
    assert found(tmp_path) == ["c.jpg"]
    assert found(tmp_path, ScanRules(hidden=True)) == [".a.jpg", "c.jpg", ".hidden/b.jpg"]


def test_folders_of_machines_are_left_out_always(tmp_path: Path, touch: Touch) -> None:
    for folder in ("@eaDir", "node_modules", ".git", "System Volume Information"):
        touch(f"deep/{folder}/a.jpg")
    assert found(tmp_path, ScanRules(hidden=True)) == []


def test_patterns_exclude_names_and_paths(tmp_path: Path, touch: Touch) -> None:
    for name in ("a.jpg", "thumb_a.jpg", "raw/b.jpg", "2019/raw/c.jpg", "2019/d.jpg"):
        touch(name)
    assert found(tmp_path, ScanRules(["thumb_*"])) == [
        "a.jpg",
        "2019/d.jpg",
        "2019/raw/c.jpg",
        "raw/b.jpg",
    ]
    assert found(tmp_path, ScanRules(["raw/"])) == ["a.jpg", "thumb_a.jpg", "2019/d.jpg"]
    assert found(tmp_path, ScanRules(["2019/raw", "thumb*"])) == [
        "a.jpg",
        "2019/d.jpg",
        "raw/b.jpg",
    ]


def test_a_hidden_root_is_scanned_when_it_is_named(tmp_path: Path, touch: Touch) -> None:
    touch(".photos/a.jpg")
    assert found(tmp_path / ".photos") == ["a.jpg"]


def test_a_root_that_is_a_file_is_found_whatever_its_name(touch: Touch) -> None:
    path = touch("photo")
    assert [item.path for item in Scan(path, ScanRules())] == [path]


# Row 27
def test_pipes_and_sockets_are_skipped_and_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")  # opening it would wait for a writer for ever
    listener = socket.socket(socket.AF_UNIX)
    here = Path.cwd()
    os.chdir(tmp_path)  # the path of a socket is limited to 108 bytes
    try:
        listener.bind("socket.jpg")
    finally:
        os.chdir(here)
        listener.close()
    assert skips(Scan(tmp_path, ScanRules())) == [
        ("pipe.jpg", SkipCode.NOT_A_FILE),
        ("socket.jpg", SkipCode.NOT_A_FILE),
    ]


# Row 27
def test_a_device_is_skipped() -> None:
    assert skips(Scan(Path("/dev/null"), ScanRules())) == [("null", SkipCode.NOT_A_FILE)]


# Row 28
def test_links_are_counted_and_not_followed(tmp_path: Path, touch: Touch) -> None:
    target = touch("outside/a.jpg")
    root = tmp_path / "root"
    root.mkdir()
    (root / "loop").symlink_to(root)
    (root / "folder").symlink_to(target.parent)
    (root / "link.jpg").symlink_to(target)
    (root / "broken.jpg").symlink_to("nowhere")
    scan = Scan(root, ScanRules())
    assert list(scan) == []
    assert scan.symlinks == 4


def test_a_root_that_is_a_link_to_a_file_is_followed(tmp_path: Path, touch: Touch) -> None:
    target = touch("a.jpg")
    link = tmp_path / "link.jpg"
    link.symlink_to(target)
    assert [item.path for item in Scan(link, ScanRules())] == [target]


# Row 29
def test_a_folder_that_cannot_be_listed_is_reported(as_nobody: Path) -> None:
    (as_nobody / "open").mkdir()
    (as_nobody / "open" / "a.jpg").touch()
    (as_nobody / "locked").mkdir(mode=0)
    scan = Scan(as_nobody, ScanRules())
    assert [item.path.name for item in scan] == ["a.jpg"]
    assert scan.unlistable == [as_nobody / "locked"]


def test_a_root_that_is_gone_is_reported_as_unlistable(tmp_path: Path) -> None:
    scan = Scan(tmp_path / "gone", ScanRules())
    assert list(scan) == []
    assert scan.unlistable == [tmp_path / "gone"]


def test_a_folder_on_another_device_is_reported(
    tmp_path: Path, touch: Touch, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch("card/inner/a.jpg")
    touch("b.jpg")
    lstat = Path.lstat

    def with_a_card(path: Path) -> os.stat_result:
        status = lstat(path)
        if (tmp_path / "card") not in (path, *path.parents):
            return status
        return os.stat_result((*status[:2], status.st_dev + 1, *status[3:]))

    monkeypatch.setattr(Path, "lstat", with_a_card)
    scan = Scan(tmp_path, ScanRules())
    assert len(list(scan)) == 2
    assert scan.mounts == [tmp_path / "card"]


# Rows 31 to 34
@pytest.mark.parametrize(
    "name",
    [
        b"\xff\xfe.jpg",
        b"line\nbreak\r.jpg",
        b"\x1b]0;pwned\x07.jpg",
        "\u202egpj.exe.jpg".encode(),
        b"<img src=x onerror=alert(1)>.jpg",
        b"'\"javascript:.jpg",
        b"-rf.jpg",
        b"x" * 251 + b".jpg",
    ],
)
def test_odd_names_are_found_as_they_are(name: bytes, tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).touch()
    (file,) = Scan(tmp_path, ScanRules(["nothing"]))
    assert isinstance(file, FoundFile)
    assert os.fsencode(file.path.name) == name


# Row 34
def test_a_path_beyond_4096_bytes_is_too_long(tmp_path: Path) -> None:
    here = os.open(".", os.O_RDONLY)
    os.chdir(tmp_path)
    try:
        for _ in range(21):
            os.mkdir("d" * 200)  # noqa: PTH102
            os.chdir("d" * 200)
            Path("a.jpg").touch()
    finally:
        os.fchdir(here)
        os.close(here)
    scan = Scan(tmp_path, ScanRules())
    items = list(scan)
    too_long = [item for item in items if isinstance(item, Skip)]
    assert too_long
    assert {item.code for item in too_long} == {SkipCode.NAME_TOO_LONG}
    assert len(items) - len(too_long) in (19, 20)
    assert scan.unlistable == []


# Row 35
def test_names_that_differ_only_in_their_normal_form_are_two(tmp_path: Path) -> None:
    names = {"caf\u00e9.jpg", "cafe\u0301.jpg"}
    for name in names:
        (tmp_path / name).touch()
    assert set(found(tmp_path)) == names


def test_memory_stays_flat_over_many_folders(tmp_path: Path) -> None:
    for n in range(100):
        (tmp_path / f"{n:03}").mkdir()
        for m in range(50):
            (tmp_path / f"{n:03}" / f"{m:03}.jpg").touch()
    items = iter(Scan(tmp_path, ScanRules()))
    next(items)
    tracemalloc.start()
    try:
        assert sum(1 for _ in items) == 4999
        assert tracemalloc.get_traced_memory()[1] < 200_000
    finally:
        tracemalloc.stop()
