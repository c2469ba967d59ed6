"""What index says, and what it does with odd folders and homes."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from conftest import Paint
from running import Clipsearch


def test_the_summary_counts_and_names_what_was_left_out(
    clipsearch: Clipsearch, paint: Paint, pictures: Path
) -> None:
    paint("red.png", "red")
    (pictures / "broken.jpg").write_bytes(b"no picture")
    ran = clipsearch("index", pictures)
    assert ran.code == 0
    counted = "1 added, 0 updated, 0 moved, 0 removed, 0 unchanged, 1 failed in "
    assert ran.out.startswith(counted)
    assert f"left out: {pictures / 'broken.jpg'}: " in ran.err
    assert "(not_an_image)" in ran.err


def test_a_second_run_without_path_rescans_and_finds_what_changed(
    clipsearch: Clipsearch, paint: Paint
) -> None:
    paint("red.png", "red")
    gone = paint("blue.png", "blue")
    moved = paint("green.png", "green")
    clipsearch("index", moved.parent)
    gone.unlink()
    moved.rename(moved.with_name("meadow.png"))
    paint("white.png", "white")
    ran = clipsearch("index")
    assert ran.out.startswith("1 added, 0 updated, 1 moved, 1 removed, 1 unchanged, 0 failed")


def test_json_is_one_object_on_stdout_and_nothing_else(
    clipsearch: Clipsearch, paint: Paint, pictures: Path
) -> None:
    paint("red.png", "red")
    (pictures / "broken.jpg").write_bytes(b"no picture")
    document = json.loads(clipsearch("index", pictures, "--json").out)
    assert document["schema_version"] == 2
    assert (document["added"], len(document["failed"])) == (1, 1)
    assert document["failed"][0] == {
        "path": str(pictures / "broken.jpg"),
        "path_base64": None,
        "code": "not_an_image",
        "reason": document["failed"][0]["reason"],
    }


def test_strict_is_exit_2_when_anything_was_left_out(
    clipsearch: Clipsearch, paint: Paint, pictures: Path
) -> None:
    paint("red.png", "red")
    (pictures / "broken.jpg").write_bytes(b"no picture")
    assert clipsearch("index", pictures, "--strict").code == 2


def test_nothing_readable_is_exit_2_and_says_why(clipsearch: Clipsearch, pictures: Path) -> None:
    (pictures / "broken.jpg").write_bytes(b"no picture")
    ran = clipsearch("index", pictures)
    assert ran.code == 2
    assert "none of the 1 images" in ran.err
    assert "(not_an_image)" in ran.err
    assert ran.out == ""


def test_json_names_what_failed_when_nothing_is_readable(
    clipsearch: Clipsearch, pictures: Path
) -> None:
    (pictures / "broken.jpg").write_bytes(b"no picture")
    ran = clipsearch("index", pictures, "--json")
    document = json.loads(ran.out)
    assert ran.code == 2
    assert (document["schema_version"], document["command"]) == (2, "index")
    assert (document["roots"], document["added"]) == ([str(pictures)], 0)
    assert [skip["code"] for skip in document["failed"]] == ["not_an_image"]


def test_what_says_why_nothing_could_be_read_names_the_collection(
    clipsearch: Clipsearch, pictures: Path
) -> None:
    for number in range(11):
        (pictures / f"{number}.jpg").write_bytes(b"no picture")
    ran = clipsearch("index", pictures, "-c", "holidays")
    assert "left out: 1 more. `clipsearch status --failed -c holidays` lists them all." in ran.err
    assert "`clipsearch status --failed -c holidays` says why." in ran.err
    assert len(clipsearch("status", "--failed", "-c", "holidays").lines) == 11


def test_an_empty_folder_is_exit_1_and_says_so(clipsearch: Clipsearch, pictures: Path) -> None:
    ran = clipsearch("index", pictures)
    assert ran.code == 1
    assert f"no pictures were found in {pictures}." in ran.err


def test_a_missing_folder_is_exit_2_and_begins_nothing(
    clipsearch: Clipsearch, pictures: Path
) -> None:
    ran = clipsearch("index", pictures / "nosuch")
    assert ran.code == 2
    assert "does not exist" in ran.err
    assert not clipsearch.home.exists()


def test_a_folder_that_is_suddenly_empty_drops_nothing_without_prune(
    clipsearch: Clipsearch, paint: Paint, pictures: Path
) -> None:
    paint("red.png", "red").unlink()
    paint("red.png", "red")
    clipsearch("index", pictures)
    (pictures / "red.png").unlink()
    ran = clipsearch("index")
    assert ran.out.startswith("0 added, 0 updated, 0 moved, 0 removed")
    assert "held images and now holds none; nothing was dropped" in ran.err
    assert clipsearch("list", "default", "--paths").lines == [str(pictures / "red.png")]
    pruned = clipsearch("index", "--prune")
    assert " 1 removed, " in pruned.out
    assert "what lay there was dropped" in pruned.err
    assert "nothing was dropped" not in pruned.err


def test_what_is_excluded_stays_excluded(
    clipsearch: Clipsearch, paint: Paint, pictures: Path
) -> None:
    paint("red.png", "red")
    paint("drafts/blue.png", "blue")
    assert clipsearch("index", pictures, "--exclude", "drafts").out.startswith("1 added")
    assert clipsearch("index").out.startswith("0 added")


def test_an_empty_exclusion_forgets_what_was_excluded(
    clipsearch: Clipsearch, paint: Paint, pictures: Path
) -> None:
    paint("red.png", "red")
    paint("drafts/blue.png", "blue")
    clipsearch("index", pictures, "--exclude", "drafts")
    assert clipsearch("index", pictures, "--exclude", "").out.startswith("1 added")
    assert clipsearch("index").out.startswith("0 added, 0 updated, 0 moved, 0 removed, 2 unch")


def test_quiet_says_nothing(clipsearch: Clipsearch, paint: Paint, pictures: Path) -> None:
    paint("red.png", "red")
    ran = clipsearch("index", pictures, "--quiet")
    assert (ran.code, ran.out, ran.err) == (0, "", "")


def test_a_terminal_sees_a_bar_and_keeps_only_the_summary(
    clipsearch: Clipsearch, paint: Paint, pictures: Path
) -> None:
    paint("red.png", "red")
    shown = clipsearch.on_terminal("index", pictures)
    assert "finding files" in shown
    assert "embedding" in shown
    assert re.search(r"\x1b\[2K1 added, .* images/s\n$", shown)


def test_index_without_path_and_without_collection_says_what_to_do(
    clipsearch: Clipsearch,
) -> None:
    ran = clipsearch("index")
    assert ran.code == 2
    assert "clipsearch index DIR" in ran.err


def test_a_home_that_cannot_be_written_is_exit_2(paint: Paint, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    picture = paint("red.png", "red")
    ran = Clipsearch(tmp_path / "file" / "home")("index", picture)
    assert ran.code == 2
    assert "CLIPSEARCH_HOME" in ran.err
    assert "Traceback" not in ran.err


def test_another_model_on_a_collection_that_stands_is_refused(
    clipsearch: Clipsearch, paint: Paint, pictures: Path
) -> None:
    paint("red.png", "red")
    clipsearch("index", pictures)
    ran = clipsearch("index", pictures, "--precision", "bf16")
    assert ran.code == 2
    assert "Traceback" not in ran.err


def test_a_model_that_nobody_knows_is_exit_2(
    clipsearch: Clipsearch, paint: Paint, pictures: Path
) -> None:
    paint("red.png", "red")
    ran = clipsearch("index", pictures, "--model", "nosuch-model")
    assert ran.code == 2
    assert "nosuch-model" in ran.err
    assert "Traceback" not in ran.err


def test_hidden_names_are_taken_in_until_they_are_not_wanted_any_more(
    clipsearch: Clipsearch, paint: Paint, pictures: Path
) -> None:
    paint(".hidden.png", "red")
    paint("seen.png", "blue")
    assert clipsearch("index", pictures, "--include-hidden").out.startswith("2 added")
    assert clipsearch("index", pictures).out.startswith("0 added")
    ran = clipsearch("index", pictures, "--no-include-hidden")
    assert ", 1 removed, 1 unchanged" in ran.out


def test_raw_files_are_counted_and_said(
    clipsearch: Clipsearch, photographs: Path, tmp_path: Path
) -> None:
    shutil.copy(photographs / "chelsea.png", tmp_path)
    for name in ("one.NEF", "two.cr2", "notes.doc"):
        (tmp_path / name).write_bytes(b"what a camera wrote")
    ran = clipsearch("index", tmp_path)
    assert "2 RAW files not read" in ran.err
    assert json.loads(clipsearch("index", "--json").out)["raws"] == 2
