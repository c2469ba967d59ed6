"""Captions on the disk: what stands stays, what was stopped goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from clipsearch.captioning import CaptionTable, Sidecars, WrittenCaption
from clipsearch.captioning_errors import TableInTheWay
from clipsearch.captions import GeneratedTexts, read_captioned
from clipsearch.values import Caption

CAT = WrittenCaption("A cat", 0.8)
DOG = WrittenCaption("A dog", 0.5)
SOURCE = "generated:x-1"


def test_a_sidecar_of_a_person_stays(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("my words")
    sink = Sidecars(SOURCE)
    assert not sink.wants(tmp_path / "a.jpg")
    assert sink.put(tmp_path / "a.jpg", CAT) is None
    assert (tmp_path / "a.txt").read_text() == "my words"


def test_with_overwrite_it_is_replaced_once(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("my words")
    sink = Sidecars(SOURCE, overwrite=True)
    sink.put(tmp_path / "a.jpg", CAT)
    sink.put(tmp_path / "a.png", DOG)  # has the same sidecar
    assert (tmp_path / "a.txt").read_text() == "A cat\n"


def test_a_link_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("elsewhere")
    (tmp_path / "a.txt").symlink_to(tmp_path / "target")
    assert Sidecars(SOURCE, overwrite=True).put(tmp_path / "a.jpg", CAT) is not None
    assert (tmp_path / "target").read_text() == "elsewhere"


def test_a_folder_that_cannot_be_written_is_a_skip(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    refused = Sidecars(SOURCE).put(tmp_path / "file" / "a.jpg", CAT)
    assert refused is not None
    assert "cannot be written" in refused.reason


def test_a_table_is_gone_on_with(tmp_path: Path) -> None:
    table = tmp_path / "captions.csv"
    first = CaptionTable(table, SOURCE)
    first.put(tmp_path / "a.jpg", CAT)
    first.close()
    second = CaptionTable(table, SOURCE)
    assert not second.wants(tmp_path / "a.jpg")
    second.put(tmp_path / "sub" / "b.jpg", DOG)
    second.close()
    assert table.read_text().splitlines() == [
        "filepath,title,confidence,source",
        f"a.jpg,A cat,0.8000,{SOURCE}",
        f"sub/b.jpg,A dog,0.5000,{SOURCE}",
    ]


def test_half_a_line_of_a_crash_is_cut_off(tmp_path: Path) -> None:
    table = tmp_path / "captions.csv"
    table.write_text(f"filepath,title,confidence,source\na.jpg,A cat,0.8,{SOURCE}\nb.jpg,A d")
    sink = CaptionTable(table, SOURCE)
    assert sink.wants(tmp_path / "b.jpg")
    assert not sink.wants(tmp_path / "a.jpg")
    sink.put(tmp_path / "b.jpg", DOG)
    sink.close()
    assert len(table.read_text().splitlines()) == 3


def test_a_file_that_is_no_table_of_captions_is_left_alone(tmp_path: Path) -> None:
    table = tmp_path / "accounts.csv"
    table.write_text("year,sum\n2026,5\n")
    with pytest.raises(TableInTheWay):
        CaptionTable(table, SOURCE)
    assert table.read_text() == "year,sum\n2026,5\n"


def test_odd_names_come_back_from_the_table(tmp_path: Path) -> None:
    names = ["new\nline.jpg", 'comma, quote".jpg', "\udcff.jpg", "=1+1.jpg"]
    table = tmp_path / "captions.csv"
    sink = CaptionTable(table, SOURCE)
    for name in names:
        sink.put(tmp_path / name, CAT)
    sink.close()
    again = CaptionTable(table, SOURCE)
    assert not any(again.wants(tmp_path / name) for name in names)
    read = [each.name for each in read_captioned(table).pictures]
    assert read == [name for name in names if name != "\udcff.jpg"]  # which is no UTF-8


def test_a_caption_is_one_line_without_control_characters(tmp_path: Path) -> None:
    Sidecars(SOURCE).put(tmp_path / "a.jpg", WrittenCaption("a\x00 cat\r\nsits\x1b[31m", 0.5))
    assert (tmp_path / "a.txt").read_bytes() == b"a cat sits [31m\n"


def test_a_list_that_is_a_link_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("elsewhere")
    (tmp_path / ".clipsearch-generated.jsonl").symlink_to(tmp_path / "target")
    assert Sidecars(SOURCE).put(tmp_path / "a.jpg", CAT) is not None
    assert (tmp_path / "target").read_text() == "elsewhere"
    assert not (tmp_path / "a.txt").exists()


def test_what_was_written_is_no_caption_to_measure_on(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.png").write_bytes(b"not looked at")
    Sidecars(SOURCE).put(tmp_path / "a.png", CAT)
    (tmp_path / "b.txt").write_text("my dog")
    found = read_captioned(tmp_path)
    assert [(each.name, each.captions) for each in found.pictures] == [("b.png", ("my dog",))]


def test_the_list_does_not_grow_when_captions_are_written_again(tmp_path: Path) -> None:
    marks = tmp_path / ".clipsearch-generated.jsonl"
    marks.write_text('{"caption": "A cat", "source": "generated:old"}\n' * 3)
    for written in (DOG, CAT, DOG):
        Sidecars(SOURCE, overwrite=True).put(tmp_path / "a.png", written)
    texts = [Caption(text, "sidecar") for text in ("A cat", "A dog", "mine")]
    marked = GeneratedTexts().marked(tmp_path, texts)
    assert [each.source for each in marked] == [SOURCE, SOURCE, "sidecar"]
    assert len(marks.read_text().splitlines()) == 2


def test_a_list_of_any_length_is_read(tmp_path: Path) -> None:
    marks = tmp_path / ".clipsearch-generated.jsonl"
    with marks.open("w") as lines:
        lines.seek(1 << 27)  # a hole of 128 MiB takes no space on the disk
        lines.write('\n{"caption": "A cat", "source": "generated:x-1"}\n')
    marked = GeneratedTexts().marked(tmp_path, [Caption("A cat", "sidecar")])
    assert marked == (Caption("A cat", SOURCE),)


def test_half_a_line_in_the_list_does_not_swallow_the_next(tmp_path: Path) -> None:
    (tmp_path / ".clipsearch-generated.jsonl").write_text('{"caption": "A c')
    Sidecars(SOURCE).put(tmp_path / "a.png", CAT)
    marked = GeneratedTexts().marked(tmp_path, [Caption("A cat", "sidecar")])
    assert marked == (Caption("A cat", SOURCE),)
