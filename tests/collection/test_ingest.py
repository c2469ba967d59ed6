"""Folders are taken in, and the collection follows what happens to them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from colour_towers import ColourTowers

from clipsearch import Collection, IngestOptions, Progress, SkipCode
from clipsearch.errors import NoRoots, NothingReadable, PathMissing
from clipsearch.values import Embeddings, Pixels

Paint = Callable[[str, str], Path]


def names(collection: Collection) -> set[str]:
    return {path.name for image in collection for path in image.paths}


def towers(collection: Collection) -> ColourTowers:
    tower = collection.tower
    assert isinstance(tower, ColourTowers)
    return tower


def test_pictures_are_added_and_found(collection: Collection, pictures: Path, paint: Paint) -> None:
    paint("a.png", "red")
    paint("b/c.jpg", "blue")
    report = collection.ingest([pictures])
    assert (report.added, report.embedded, report.failed) == (2, 2, ())
    best = collection.query("blue", k=1)[0].path
    assert best is not None
    assert best.name == "c.jpg"


def test_unchanged_pictures_are_not_embedded_again(
    collection: Collection, pictures: Path, paint: Paint
) -> None:
    paint("a.png", "red")
    collection.ingest([pictures])
    before = towers(collection).images_embedded
    report = collection.ingest([pictures])
    assert (report.unchanged, report.added, report.updated) == (1, 0, 0)
    assert towers(collection).images_embedded == before


def test_a_changed_picture_is_embedded_again(
    collection: Collection, pictures: Path, paint: Paint
) -> None:
    paint("a.png", "red")
    collection.ingest([pictures])
    os.utime(paint("a.png", "blue"), ns=(1, 1))
    report = collection.ingest([pictures])
    assert (report.updated, report.added, report.removed) == (1, 0, 0)
    assert len(collection) == 1
    assert collection.query("blue")[0].score > 0.9


def test_a_moved_picture_is_recognised_and_keeps_its_id(
    collection: Collection, pictures: Path, paint: Paint
) -> None:
    old = paint("a.png", "red")
    collection.ingest([pictures])
    before, embedded = next(iter(collection)).id, towers(collection).images_embedded
    (pictures / "sub").mkdir()
    old.rename(pictures / "sub" / "renamed.png")
    report = collection.ingest([pictures])
    assert (report.moved, report.added, report.removed) == (1, 0, 0)
    assert next(iter(collection)).id == before
    assert towers(collection).images_embedded == embedded


def test_a_copy_is_recognised_and_shares_the_embedding(
    collection: Collection, pictures: Path, paint: Paint
) -> None:
    original = paint("a.png", "red")  # row 35
    collection.ingest([pictures])
    shutil.copy(original, pictures / "b.png")
    report = collection.ingest([pictures])
    assert (report.added, report.embedded) == (1, 0)
    assert len(collection) == 1
    assert [len(image.paths) for image in collection] == [2]


def test_two_equal_pictures_of_one_run_are_one_image(
    collection: Collection, pictures: Path, paint: Paint
) -> None:
    shutil.copy(paint("a.png", "red"), pictures / "b.png")
    report = collection.ingest([pictures])
    assert report.added == 2
    assert len(collection) == 1


def test_a_vanished_picture_is_dropped(
    collection: Collection, pictures: Path, paint: Paint
) -> None:
    paint("a.png", "red")
    paint("b.png", "blue")
    (pictures / "gone.png").write_bytes((pictures / "a.png").read_bytes() + b"x")
    collection.ingest([pictures])
    (pictures / "gone.png").unlink()
    report = collection.ingest([pictures])
    assert report.removed == 1
    assert names(collection) == {"a.png", "b.png"}


def test_pictures_outside_the_given_paths_are_left_alone(
    collection: Collection, pictures: Path, paint: Paint
) -> None:
    paint("one/a.png", "red")
    other = paint("two/b.png", "blue")
    collection.ingest([pictures / "one", pictures / "two"])
    other.unlink()
    report = collection.ingest([pictures / "one"])
    assert report.removed == 0
    assert names(collection) == {"a.png", "b.png"}


def test_a_folder_whose_name_begins_alike_is_another_folder(
    collection: Collection, pictures: Path, paint: Paint
) -> None:
    paint("trip/a.png", "red")
    paint("trip-2/b.png", "blue")
    collection.ingest([pictures / "trip", pictures / "trip-2"])
    shutil.rmtree(pictures / "trip-2")
    collection.ingest([pictures / "trip"])
    assert names(collection) == {"a.png", "b.png"}


def test_a_missing_root_drops_nothing(collection: Collection, pictures: Path, paint: Paint) -> None:
    paint("disk/a.png", "red")
    paint("home/b.png", "blue")
    collection.ingest([pictures / "disk", pictures / "home"])
    (pictures / "disk").rename(pictures / "unplugged")
    report = collection.ingest()
    assert report.missing == (pictures / "disk",)
    assert report.removed == 0
    assert names(collection) == {"a.png", "b.png"}


def test_a_missing_root_that_is_named_is_an_error(
    collection: Collection, pictures: Path, paint: Paint
) -> None:
    paint("a.png", "red")
    collection.ingest([pictures])
    shutil.rmtree(pictures)
    with pytest.raises(PathMissing, match="Nothing was dropped"):
        collection.ingest([pictures])
    assert names(collection) == {"a.png"}


def test_a_root_that_is_suddenly_empty_drops_nothing(
    collection: Collection, pictures: Path, paint: Paint
) -> None:
    picture = paint("disk/a.png", "red")
    collection.ingest([pictures / "disk"])
    picture.unlink()
    report = collection.ingest([pictures / "disk"])
    assert report.emptied == (pictures / "disk",)
    assert names(collection) == {"a.png"}


@pytest.mark.parametrize("named", [True, False])
def test_prune_drops_what_lay_under_a_missing_root(
    named: bool, collection: Collection, pictures: Path, paint: Paint
) -> None:
    paint("disk/a.png", "red")
    paint("home/b.png", "blue")
    collection.ingest([pictures / "disk", pictures / "home"])
    shutil.rmtree(pictures / "disk")
    roots = [pictures / "disk"] if named else []
    report = collection.ingest(roots, IngestOptions(prune=True))
    assert report.removed == 1
    assert names(collection) == {"b.png"}
    assert collection.status().roots == (pictures / "home",)


def test_prune_drops_what_lay_under_an_emptied_root(
    collection: Collection, pictures: Path, paint: Paint
) -> None:
    picture = paint("disk/a.png", "red")
    paint("home/b.png", "blue")
    collection.ingest([pictures / "disk", pictures / "home"])
    picture.unlink()
    collection.ingest([pictures / "disk"], IngestOptions(prune=True))
    assert names(collection) == {"b.png"}


def test_what_comes_back_is_found_again(
    collection: Collection, pictures: Path, paint: Paint
) -> None:
    disk, away = pictures / "disk", pictures.parent / "away"
    paint("disk/a.png", "red")
    paint("home/b.png", "blue")
    collection.ingest([disk, pictures / "home"])
    disk.rename(away)
    collection.ingest([disk], IngestOptions(prune=True))
    assert names(collection) == {"b.png"}
    away.rename(disk)
    collection.ingest([disk])
    assert names(collection) == {"a.png", "b.png"}


def test_without_paths_the_known_roots_are_scanned_again(
    collection: Collection, pictures: Path, paint: Paint
) -> None:
    paint("one/a.png", "red")
    collection.ingest([pictures / "one"])
    paint("one/b.png", "blue")
    assert collection.ingest().added == 1


def test_without_paths_and_roots_there_is_nothing_to_rescan(collection: Collection) -> None:
    with pytest.raises(NoRoots, match="name one"):
        collection.ingest()


def test_what_was_excluded_stays_excluded_at_a_rescan(
    collection: Collection, pictures: Path, paint: Paint
) -> None:
    paint("a.png", "red")
    paint("drafts/b.png", "blue")
    collection.ingest([pictures], IngestOptions(exclude=("drafts",)))
    assert collection.ingest().added == 0
    assert names(collection) == {"a.png"}


def test_hidden_pictures_that_were_asked_for_stay_at_a_rescan(
    collection: Collection, pictures: Path, paint: Paint
) -> None:
    paint("a.png", "red")
    paint(".drafts/b.png", "blue")
    collection.ingest([pictures], IngestOptions(hidden=True))
    for roots in ([], [pictures]):
        report = collection.ingest(roots)
        assert (report.unchanged, report.removed) == (2, 0)
    assert names(collection) == {"a.png", "b.png"}


def test_hidden_pictures_go_when_they_are_not_wanted_any_more(
    collection: Collection, pictures: Path, paint: Paint
) -> None:
    paint("a.png", "red")
    paint(".drafts/b.png", "blue")
    collection.ingest([pictures], IngestOptions(hidden=True))
    collection.ingest([pictures], IngestOptions(hidden=False))
    assert names(collection) == {"a.png"}
    assert collection.ingest().unchanged == 1


def test_a_bad_file_is_recorded_and_the_others_go_in(
    collection: Collection, pictures: Path, paint: Paint
) -> None:
    paint("a.png", "red")
    (pictures / "bad.jpg").write_bytes(b"<html>not a picture</html>")
    report = collection.ingest([pictures])
    assert report.added == 1
    assert [(skip.path.name, skip.code) for skip in report.failed] == [
        ("bad.jpg", SkipCode.NOT_AN_IMAGE)
    ]
    assert [skip.path.name for skip in collection.skips()] == ["bad.jpg"]


def test_a_bad_file_that_did_not_change_is_reported_and_not_read_again(
    collection: Collection, pictures: Path, paint: Paint
) -> None:
    paint("a.png", "red")
    (pictures / "bad.jpg").write_bytes(b"nothing")
    collection.ingest([pictures])
    seen: list[Progress] = []
    report = collection.ingest([pictures], on_progress=seen.append)
    assert [skip.path.name for skip in report.failed] == ["bad.jpg"]
    assert report.unchanged == 1
    assert [progress.total for progress in seen if progress.phase == "embedding"] == [0]


def test_a_bad_file_that_was_mended_goes_in(
    collection: Collection, pictures: Path, paint: Paint
) -> None:
    paint("a.png", "red")
    (pictures / "b.png").write_bytes(b"nothing")
    collection.ingest([pictures])
    paint("b.png", "blue")
    report = collection.ingest([pictures])
    assert (report.added, report.failed, collection.skips()) == (1, (), [])


def test_a_picture_that_became_garbage_is_not_found_any_more(
    collection: Collection, pictures: Path, paint: Paint
) -> None:
    paint("a.png", "red")
    paint("b.png", "blue")
    collection.ingest([pictures])
    (pictures / "b.png").write_bytes(b"overwritten")
    collection.ingest([pictures])
    assert names(collection) == {"a.png"}


def test_when_nothing_can_be_read_it_is_an_error(collection: Collection, pictures: Path) -> None:
    (pictures / "bad.jpg").write_bytes(b"nothing")
    with pytest.raises(NothingReadable) as caught:
        collection.ingest([pictures])
    assert [skip.path.name for skip in caught.value.failed] == ["bad.jpg"]


def test_an_empty_folder_is_taken_in_as_nothing(collection: Collection, pictures: Path) -> None:
    report = collection.ingest([pictures])
    assert (report.readable, report.failed) == (0, ())
    assert len(collection) == 0
    assert collection.query("red") == []


def test_symlinks_are_counted_and_not_followed(
    collection: Collection, pictures: Path, paint: Paint, tmp_path: Path
) -> None:
    paint("a.png", "red")
    (pictures / "loop").symlink_to(pictures)  # row 28
    (pictures / "link.png").symlink_to(pictures / "a.png")
    report = collection.ingest([pictures])
    assert (report.added, report.symlinks) == (1, 2)


@pytest.mark.parametrize("raw", [b"\xff\xfe.png", b"new\nline.png", b"\x1b]0;x\x07.png"])
def test_odd_names_are_kept_as_they_are(
    raw: bytes, collection: Collection, pictures: Path, paint: Paint
) -> None:
    plain = paint("a.png", "red")
    odd = pictures / os.fsdecode(raw)  # rows 31 and 32
    plain.rename(odd)
    collection.ingest([pictures])
    found = collection.query("red")[0].path
    assert found == odd
    assert collection.ingest([pictures]).unchanged == 1


@pytest.mark.parametrize("stamp", [2**32 + 10**9, -(2**31), 0])
def test_times_far_away_do_no_harm(
    stamp: int, collection: Collection, pictures: Path, paint: Paint
) -> None:
    os.utime(paint("a.png", "red"), (stamp, stamp))  # row 56
    collection.ingest([pictures])
    assert collection.ingest([pictures]).unchanged == 1


def test_progress_tells_phase_done_and_total(
    collection: Collection, pictures: Path, paint: Paint
) -> None:
    for number in range(5):
        paint(f"{number}.png", "red")
    seen: list[Progress] = []
    collection.ingest([pictures], IngestOptions(batch=2), seen.append)
    embedding = [(p.done, p.total) for p in seen if p.phase == "embedding"]
    assert embedding == [(0, 5), (2, 5), (4, 5), (5, 5)]
    assert seen[0].phase == "finding files"
    assert seen[-1].phase == "indexing"


class BlindToBlue(ColourTowers):
    """Gives no number for blue pictures, as a broken model does."""

    def embed_images(self, pixels: Pixels) -> Embeddings:
        embedded = super().embed_images(pixels)
        embedded[pixels[:, 8, 8, 2] > 250] = np.nan
        return embedded


def test_an_embedding_that_is_no_number_is_a_skip_and_never_in_the_index(
    home: Path, pictures: Path, paint: Paint
) -> None:
    paint("a.png", "red")  # row 40
    paint("b.png", "blue")
    collection = Collection(home=home, tower=BlindToBlue())
    report = collection.ingest([pictures])
    assert [(skip.path.name, skip.code) for skip in report.failed] == [
        ("b.png", SkipCode.BAD_EMBEDDING)
    ]
    assert names(collection) == {"a.png"}
    assert len(collection.query("blue")) == 1
