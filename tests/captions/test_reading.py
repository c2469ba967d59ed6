"""Captioned pictures in every form, with what is wrong with them."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from clipsearch.captions import read_captioned
from clipsearch.evaluation_errors import SourceUnreadable


def add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


def test_a_table_joins_the_captions_of_a_picture_and_drops_repeated_rows(tmp_path: Path) -> None:
    table = tmp_path / "a.csv"
    table.write_text(
        "﻿filepath,title,split\na.png,one,dev\na.png,two,dev\na.png,one,dev\nb.png,x,train\n"
    )
    found = read_captioned(table, "dev")
    assert [(each.name, each.captions) for each in found.pictures] == [("a.png", ("one", "two"))]
    assert found.duplicates == 1


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.tsv", "image\tcaption\na.png\tone\n"),
        ("a.jsonl", '{"image": "a.png", "caption": "one"}\n'),
    ],
)
def test_other_forms_are_read_alike(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    found = read_captioned(tmp_path / name)
    assert [(each.name, each.captions) for each in found.pictures] == [("a.png", ("one",))]


def test_bad_lines_are_left_out_with_their_numbers(tmp_path: Path) -> None:
    table = tmp_path / "a.csv"
    lines = [b"filepath,title", b"a.png,one", b"b.png,\xff\xfe", b"c.png,x,y,z", b"../d.png,no"]
    lines += [b"e.png,", b",words", b"f.png," + b"x" * (1 << 17)]
    table.write_bytes(b"\n".join(lines) + b"\n")
    found = read_captioned(table)
    assert [each.name for each in found.pictures] == ["a.png"]
    assert [skip.reason.split(":")[0] for skip in found.skips] == [
        *("line 3", "line 4", "line 5", "line 7", "line 8"),
        "it has no caption",
    ]


def test_pictures_in_a_tar_beside_the_table_are_read_where_they_lie(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("filepath,title\na/b.png,one\n")
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        add(tar, "a/b.png", b"pixels")
    (picture,) = read_captioned(tmp_path / "a.csv").pictures
    assert picture.read() == b"pixels"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "a.tar"]


def test_a_folder_has_captions_beside_its_pictures(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "sub.jpg"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "a.txt").write_text("one\ntwo\n")
    (tmp_path / "lonely.txt").write_text("words")
    found = read_captioned(tmp_path)
    assert [(each.name, each.captions) for each in found.pictures] == [("a.png", ("one", "two"))]
    assert sorted(skip.path.name for skip in found.skips) == ["b.png", "lonely.txt", "sub.jpg"]


def test_members_that_lead_outside_a_tar_are_left_out(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "s.tar", "w") as tar:
        add(tar, "good.png", b"pixels")
        add(tar, "good.txt", b"one")
        add(tar, "../x.png", b"pixels")
        add(tar, "/etc/y.png", b"pixels")
        link = tarfile.TarInfo("link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    found = read_captioned(tmp_path / "s.tar")
    assert [each.name for each in found.pictures] == ["good.png"]
    assert len(found.skips) == 3


def test_what_is_no_tar_is_said(tmp_path: Path) -> None:
    (tmp_path / "s.tar").write_bytes(b"no tar at all" * 100)
    with pytest.raises(SourceUnreadable, match="tar"):
        read_captioned(tmp_path / "s.tar")


def test_a_source_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable, match="not there"):
        read_captioned(tmp_path / "missing")
