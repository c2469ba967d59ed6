"""Pictures inside tars are taken in, found, read again and dropped like any other."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from colour_towers import ColourTowers
from images.shard_files import odd_entry, write_tar

from clipsearch import Caption, Collection, Filter, IngestOptions, Query, SkipCode, Words, shards
from clipsearch.captioning import Captioner
from clipsearch.captions import captioned_images
from clipsearch.gallery.thumbnails import thumbnail

Paint = Callable[[str, str], Path]
COLOURS = ("red", "green", "blue", "white")


@pytest.fixture
def contents(paint: Paint, tmp_path: Path) -> dict[str, bytes]:
    """Four pictures by the names that a shard gives them."""
    made = {}
    for number, colour in enumerate(COLOURS):
        path = paint(f"{colour}.png", colour)
        made[f"{number:09}.png"] = path.read_bytes()
        path.unlink()
    return made


@pytest.fixture
def shard(pictures: Path, contents: dict[str, bytes]) -> Path:
    return write_tar(pictures / "00000.tar", contents)


def names(collection: Collection) -> list[str]:
    return sorted(path.name for image in collection for path in image.paths)


def embedded(collection: Collection) -> int:
    tower = collection.tower
    assert isinstance(tower, ColourTowers)
    return tower.images_embedded


@pytest.mark.parametrize("named", ["the tar", "its folder"])
def test_pictures_in_a_tar_are_found_by_a_path_that_leads_into_it(
    collection: Collection, pictures: Path, shard: Path, named: str
) -> None:
    report = collection.ingest([shard if named == "the tar" else pictures])
    assert (report.added, report.failed) == (4, ())
    best = collection.query("blue", k=1)[0]
    assert best.path == shard / "000000002.png"
    assert best.image.info.width == 48


def test_an_unchanged_tar_is_not_read_again_and_a_touched_one_not_embedded(
    collection: Collection, shard: Path
) -> None:
    collection.ingest([shard])
    before = embedded(collection)
    assert collection.ingest().unchanged == 4
    os.utime(shard, ns=(5, 5))
    report = collection.ingest()
    assert (report.updated, report.added, report.removed) == (4, 0, 0)
    assert embedded(collection) == before


def test_a_tar_that_grows_and_shrinks_is_followed(
    collection: Collection, pictures: Path, contents: dict[str, bytes]
) -> None:
    first = dict(list(contents.items())[:2])
    tar = write_tar(pictures / "00000.tar", first)
    collection.ingest([pictures])
    os.utime(write_tar(tar, contents), ns=(5, 5))
    assert collection.ingest().added == 2
    os.utime(write_tar(tar, first), ns=(6, 6))
    assert collection.ingest().removed == 2
    assert names(collection) == [*first]


def test_a_moved_tar_is_recognised_and_a_vanished_one_dropped(
    collection: Collection, pictures: Path, shard: Path, paint: Paint
) -> None:
    paint("beside.png", "cyan")
    collection.ingest([pictures])
    before = embedded(collection)
    (pictures / "sub").mkdir()
    shard.rename(pictures / "sub" / "00001.tar")
    report = collection.ingest()
    assert (report.moved, report.added, report.removed) == (4, 0, 0)
    assert embedded(collection) == before
    (pictures / "sub" / "00001.tar").unlink()
    assert collection.ingest().removed == 4
    assert names(collection) == ["beside.png"]


def test_a_query_can_be_held_to_a_tar(
    collection: Collection, pictures: Path, shard: Path, contents: dict[str, bytes]
) -> None:
    write_tar(pictures / "00001.tar", {"0.png": contents["000000000.png"] + b"more"})
    collection.ingest([pictures])
    where = Filter(under=[shard])
    assert len(collection.search(Query([Words("red")], where=where))) == 4
    assert collection.remove(under=[shard]).images == 4
    assert names(collection) == ["0.png"]


def test_a_picture_in_a_tar_can_be_shown_compared_and_migrated(
    collection: Collection, home: Path, shard: Path
) -> None:
    collection.ingest([shard])
    hit = collection.similar(shard / "000000001.png", k=1)[0]
    assert (hit.path, round(hit.score, 5)) == (shard / "000000001.png", 1)
    assert thumbnail(hit.image) is not None
    assert collection.migrate(ColourTowers("new", side=16)).embedded == 4


def test_what_leads_out_of_a_tar_is_left_out_and_nothing_is_unpacked(
    collection: Collection, pictures: Path, contents: dict[str, bytes], tmp_path: Path
) -> None:
    odd = [
        odd_entry("../out.png"),
        odd_entry("/etc/absolute.png"),
        odd_entry("sub/../../up.png"),
        odd_entry("soft.png", tarfile.SYMTYPE, "/etc/passwd"),
        odd_entry("hard.png", tarfile.LNKTYPE, "000000000.png"),
        odd_entry("pipe.png", tarfile.FIFOTYPE),
    ]
    tar = write_tar(pictures / "00000.tar", contents, odd)
    before = sorted(tmp_path.rglob("*"))
    report = collection.ingest([tar])
    assert report.added == 4
    left_out = {skip.path.name for skip in report.failed}
    assert left_out == {Path(entry.name).name for entry in odd}
    assert {skip.code for skip in report.failed} == {SkipCode.NOT_A_FILE}
    new = set(tmp_path.rglob("*")) - set(before)
    assert all(path.is_relative_to(collection.home) for path in new)


def test_of_a_tar_that_breaks_off_what_is_whole_is_kept_and_nothing_dropped(
    collection: Collection, pictures: Path, shard: Path, paint: Paint
) -> None:
    paint("beside.png", "cyan")
    whole = shard.read_bytes()
    collection.ingest([pictures])
    shard.write_bytes(whole[:2600])
    report = collection.ingest([pictures])
    assert report.removed == 0
    assert [skip.code for skip in report.failed if skip.path == shard] == [SkipCode.TRUNCATED]
    assert report.unlistable == (shard,)
    other = pictures / "00001.tar"
    other.write_bytes(whole[:2600])
    fresh = Collection("fresh", home=collection.home, tower=ColourTowers())
    assert fresh.ingest([other]).added == 2


def test_a_tar_of_too_many_members_is_refused(
    collection: Collection, shard: Path, paint: Paint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "MOST_MEMBERS", 3)
    shards.open_shard.cache_clear()
    report = collection.ingest([shard, paint("beside.png", "cyan")])
    assert [skip.code for skip in report.failed] == [SkipCode.TOO_LARGE]


@pytest.mark.parametrize("content", [b"", b"no tar at all" * 100])
def test_what_is_no_tar_is_told(
    collection: Collection, pictures: Path, paint: Paint, content: bytes
) -> None:
    paint("beside.png", "cyan")
    (pictures / "00000.tar").write_bytes(content)
    report = collection.ingest([pictures])
    assert [(skip.path.name, skip.code) for skip in report.failed] == [
        ("00000.tar", SkipCode.NOT_AN_IMAGE)
    ]


def test_other_tars_in_a_folder_are_left_alone(
    collection: Collection, pictures: Path, contents: dict[str, bytes], paint: Paint
) -> None:
    write_tar(pictures / "backup.tar", contents)
    paint("beside.png", "cyan")
    assert collection.ingest([pictures]).added == 1


def test_hidden_and_excluded_members_stay_out(
    collection: Collection, pictures: Path, contents: dict[str, bytes]
) -> None:
    first, second, third, fourth = contents.values()
    members = {"a/._x.png": first, "b/c.png": second, "./d.png": third, ".e/f.png": fourth}
    write_tar(pictures / "00000.tar", members)
    collection.ingest([pictures], IngestOptions(exclude=("00000.tar/b",)))
    assert names(collection) == ["d.png"]


def test_captions_in_a_tar_come_in_and_follow_it(
    collection: Collection, pictures: Path, contents: dict[str, bytes]
) -> None:
    first, second, *_ = contents
    texts = {"000000000.txt": b"a wall", "000000001.json": b'{"caption": "a field", "key": "1"}'}
    tar = write_tar(pictures / "00000.tar", contents | texts)
    collection.ingest([tar])
    said = {image.path.name: image.captions for image in collection if image.path}
    assert said[first] == (Caption("a wall", "sidecar"),)
    assert said[second] == (Caption("a field", "sidecar"),)
    os.utime(write_tar(tar, contents | {"000000000.txt": b"a red wall"}), ns=(5, 5))
    collection.ingest()
    said = {image.path.name: image.captions for image in collection if image.path}
    assert (said[first], said[second]) == ((Caption("a red wall", "sidecar"),), ())


def test_a_copy_inside_a_tar_is_called_one(
    collection: Collection, pictures: Path, shard: Path, photographs: Path
) -> None:
    photograph = (photographs / "chelsea.png").read_bytes()
    write_tar(pictures / "00001.tar", {"000000000.png": photograph})
    (pictures / "cat.png").write_bytes(photograph)
    collection.ingest([pictures])
    found = collection.duplicates()
    assert found.unread == ()
    (group,) = found.groups
    held = {group.kept.path, *(other.path for other in group.others)}
    assert held == {pictures / "cat.png", pictures / "00001.tar" / "000000000.png"}


def test_captioned_pictures_in_a_tar_are_read_for_measuring_and_training(
    collection: Collection, pictures: Path, contents: dict[str, bytes]
) -> None:
    write_tar(pictures / "00000.tar", {**contents, "000000001.txt": b"a green square\n"})
    collection.ingest([pictures])
    (picture,) = captioned_images("mine", collection).pictures
    assert picture.captions == ("a green square",)
    assert picture.read() == contents["000000001.png"]


def test_pictures_in_a_tar_are_captioned(collection: Collection, shard: Path) -> None:
    collection.ingest([shard])
    report = collection.caption_images(Captioner(threads=1))
    assert (report.captioned, report.failed) == (4, [])
