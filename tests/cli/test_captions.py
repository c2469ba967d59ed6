"""Captions on the command line: given, counted, shown, and harmless on a terminal."""

from __future__ import annotations

import json
from pathlib import Path

from conftest import Paint
from running import Clipsearch


def test_captions_of_a_table_are_counted_shown_and_escaped(
    clipsearch: Clipsearch, paint: Paint, pictures: Path
) -> None:
    paint("red.png", "red")
    (pictures / "red.txt").write_bytes(b"a \x1b[31mred\x07 square")
    table = pictures / "t.csv"
    table.write_text("filepath,title\nred.png,a red square\n\x1bgone.png,x\n")
    ran = clipsearch("index", pictures, "--captions", table)
    assert ran.code == 0
    assert ran.out.startswith(
        "1 added, 0 updated, 0 moved, 0 removed, 0 unchanged, 0 failed, "
        "captions: 2 added, 0 removed in "
    )
    assert b"\x1b" not in ran.out_bytes + ran.err_bytes
    assert "1 pictures that it names are not in the collection" in ran.err
    listed = clipsearch("list", "default", "--json")
    assert b"\x1b" not in listed.out_bytes
    assert json.loads(listed.out)["images"][0]["captions"] == [
        {"text": "a \x1b[31mred\x07 square", "source": "sidecar", "kind": "caption"},
        {"text": "a red square", "source": "table", "kind": "caption"},
    ]
    status = json.loads(clipsearch("status", "--json").out)
    assert status["captions"] == {"sidecar": 1, "table": 1}
    assert status["caption_tables"] == [str(table)]
    assert "captions\t1 sidecar" in clipsearch("status").lines


def test_a_table_without_the_columns_is_refused_with_a_way_out(
    clipsearch: Clipsearch, paint: Paint, pictures: Path
) -> None:
    paint("red.png", "red")
    (pictures / "t.csv").write_text("a,b\n1,2\n")
    ran = clipsearch("index", pictures, "--captions", pictures / "t.csv")
    assert ran.code == 2
    assert "no column filepath" in ran.err
    assert "title (or caption)" in ran.err
    assert clipsearch("index", pictures, "--captions", pictures / "none.csv").code == 2
