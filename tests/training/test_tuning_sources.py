"""Captioned pictures from tables, folders and shards; what cannot be used is left out by name."""

import io
import shutil
import tarfile
from pathlib import Path

from colour_towers import ColourTowers
from tuning_data import paint_set

from clipsearch import Caption, Collection
from clipsearch.training.tuning.material import held_out
from clipsearch.training.tuning.sources import collection_set, files_of, read_set, splits_of


def test_the_splits_of_a_table_are_told_apart(tmp_path: Path) -> None:
    table = str(paint_set(tmp_path))
    assert splits_of(table) == {"train", "dev"}
    assert len(read_set(table, "train").pictures) == 16
    assert len(read_set(table, "dev").pictures) == 8


def test_duplicate_rows_and_copies_become_one_picture(tmp_path: Path) -> None:
    table = paint_set(tmp_path, copies=1)
    shutil.copy(tmp_path / "red0.png", tmp_path / "copy.png")
    more = "red0.png,a red square,dev\ncopy.png,scarlet,dev\n"
    table.write_text(table.read_text() + more)
    found = read_set(str(table), "dev")
    assert len(found.pictures) == 8
    assert found.pictures[0].captions == ("a red square", "scarlet")
    assert found.copies == 1


def test_bad_lines_are_left_out_with_their_numbers(tmp_path: Path) -> None:
    table = paint_set(tmp_path, copies=1)
    lines = [
        b"red0.png,=cmd(),dev",
        b"green0.png",
        b",no picture,dev",
        b"blue0.png,a\0b,dev",
        b"white0.png,\xff\xfe,dev",
        b"gone.png,not there,dev",
        b"black0.png,  ,dev",
    ]
    table.write_bytes(b"\xef\xbb\xbffilepath,title,split\r\n" + b"\r\n".join(lines) + b"\r\n")
    found = read_set(str(table))
    names = [each.path.name for each in found.pictures]
    assert names == ["red0.png"]
    assert found.pictures[0].captions == ("=cmd()",)
    reasons = {each.reason for each in found.left_out}
    assert {"line 4: it names no picture", "it has no caption"} <= reasons
    assert "gone.png" in {each.path.name for each in found.left_out}


def test_json_lines_and_tabs_are_read_too(tmp_path: Path) -> None:
    paint_set(tmp_path, copies=1)
    (tmp_path / "a.jsonl").write_text('{"image": "red0.png", "caption": "red"}\nnot json\n[]\n')
    (tmp_path / "a.tsv").write_text("filepath\ttitle\nred0.png\tred, all of it\n")
    lines, tabs = read_set(str(tmp_path / "a.jsonl")), read_set(str(tmp_path / "a.tsv"))
    assert (len(lines.pictures), len(lines.left_out)) == (1, 2)
    assert tabs.pictures[0].captions == ("red, all of it",)


def test_captions_lie_beside_the_pictures_of_a_folder(tmp_path: Path) -> None:
    paint_set(tmp_path, copies=1)
    (tmp_path / "red0.txt").write_text("red\nscarlet\n")
    (tmp_path / "lost.txt").write_text("no picture")
    found = read_set(str(tmp_path))
    assert [each.captions for each in found.pictures] == [("red", "scarlet")]
    assert "a caption without a picture" in {each.reason for each in found.left_out}


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


def test_shards_are_read_in_place_and_members_outside_them_refused(tmp_path: Path) -> None:
    paint_set(tmp_path / "data", copies=1)
    red = (tmp_path / "data" / "red0.png").read_bytes()
    with tarfile.open(tmp_path / "s-0.tar", "w") as tar:
        _add(tar, "one.png", red)
        _add(tar, "one.txt", b"a red square")
        _add(tar, "../out.png", red)
        _add(tar, "/abs.png", red)
        link = tarfile.TarInfo("link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
        _add(tar, "link.txt", b"passwords")
    found = read_set(str(tmp_path / "s-{0..0}.tar"))
    assert [(each.path.name, each.captions) for each in found.pictures] == [
        ("one.png", ("a red square",))
    ]
    assert len(found.left_out) == 4
    assert not (tmp_path.parent / "out.png").exists()


def test_numbered_shards_are_named_in_full() -> None:
    names = [each.name for each in files_of("a/{008..011}.tar")]
    assert names == ["008.tar", "009.tar", "010.tar", "011.tar"]


def test_a_tar_of_the_tables_name_holds_its_pictures(tmp_path: Path) -> None:
    table = paint_set(tmp_path, copies=1)
    with tarfile.open(tmp_path / "set.tar", "w") as tar:
        tar.add(tmp_path / "red0.png", "red0.png")
    (tmp_path / "red0.png").unlink()
    found = read_set(str(table))
    assert len(found.pictures) == 8


def test_a_tenth_is_held_out_by_content(tmp_path: Path) -> None:
    whole = read_set(str(paint_set(tmp_path)))
    train, dev = held_out(whole)
    assert (len(train.pictures), len(dev.pictures)) == (22, 2)
    assert held_out(whole)[1].pictures == dev.pictures


def test_a_collection_gives_its_pictures_with_their_captions(tmp_path: Path, home: Path) -> None:
    paint_set(tmp_path / "data", copies=1)
    with Collection(home=home, tower=ColourTowers()) as collection:
        collection.ingest([tmp_path / "data"])
        image = next(each for each in collection if each.path and each.path.name == "red0.png")
        collection.add_captions(image.id, [Caption("a red square"), Caption("scarlet")])
        found = collection_set("default", collection)
    assert [each.captions for each in found.pictures] == [("a red square", "scarlet")]
