"""clipsearch eval, run as a user runs it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image
from running import Clipsearch
from towers.tiny_folder import write_int8_folder


@pytest.fixture
def captioned(tmp_path: Path, photographs: Path) -> Path:
    """Three photographs with captions, one of them written twice, and a broken one."""
    rows = ["filepath,title"]
    words = {"chelsea.png": "a cat", "rocket.jpg": "a rocket", "coffee.png": "a cup of coffee"}
    for name, text in words.items():
        shutil.copy(photographs / name, tmp_path / name)
        rows += [f"{name},{text}"]
    (tmp_path / "broken.png").write_bytes(b"no picture")
    rows += [rows[1], "broken.png,words"]
    table = tmp_path / "set.csv"
    table.write_text("\n".join(rows) + "\n")
    return table


def test_json_has_the_form_of_clip_benchmark(clipsearch: Clipsearch, captioned: Path) -> None:
    ran = clipsearch("eval", captioned, "--json", "--quiet")
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    assert (found["pictures"], found["captions"], found["duplicates"]) == (3, 3, 1)
    assert [skip["code"] for skip in found["skipped"]] == ["not_an_image"]
    (result,) = found["results"]
    assert (result["dataset"], result["task"]) == ("set", "zeroshot_retrieval")
    assert result["metrics"]["image_retrieval_recall@5"] == 1.0


def test_two_towers_stand_side_by_side_and_a_page_is_written(
    clipsearch: Clipsearch, captioned: Path, tmp_path: Path
) -> None:
    page = tmp_path / "report.html"
    ran = clipsearch(
        *("eval", captioned, "--model", "builtin", "--model", "builtin", "--html", page)
    )
    assert ran.code == 0, ran.err
    assert ran.lines[0].split("\t")[2] == ran.lines[0].split("\t")[3]
    assert "left out: broken.png" in ran.err
    assert page.read_text().count("<h2>builtin") == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("eval",), "give DATA"),
        (("eval", "missing.csv"), "cannot read"),
        (("eval", "-c", "nothing"), "nothing"),
    ],
)
def test_what_cannot_be_measured_is_said(
    clipsearch: Clipsearch, arguments: tuple[str, ...], told: str
) -> None:
    ran = clipsearch(*arguments)
    assert ran.code == 2
    assert told in ran.err
    assert "Traceback" not in ran.err


def test_captions_are_measured_and_what_is_not_is_named(
    clipsearch: Clipsearch, squares_captioner: Path, tmp_path: Path
) -> None:
    table, page = squares_captioner.parent / "squares.csv", tmp_path / "captions.html"
    asked = ("eval", table, "--split", "dev", "--task", "captions", "--captioner")
    ran = clipsearch(*asked, squares_captioner, "--json", "--quiet", "--html", page)
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    measured = "meteor" in found["metrics"]
    assert found["not_measured"] == (["SPICE"] if measured else ["METEOR", "SPICE"])
    assert found["pictures"] == len(found["captions"]) == 6
    assert found["metrics"]["bleu_1"] > 0.5
    assert "<h2>Worst</h2>" in page.read_text()


def test_captions_are_measured_alone(clipsearch: Clipsearch, captioned: Path) -> None:
    ran = clipsearch("eval", captioned, "--task", "captions", "--task", "retrieval")
    assert ran.code == 2
    assert "alone" in ran.err


def test_what_a_models_captions_add_is_shown_of_a_file(
    clipsearch: Clipsearch, squares_captioner: Path
) -> None:
    table = squares_captioner.parent / "squares.csv"
    asked = ("eval", table, "--split", "dev", "--task", "generated", "--captioner")
    ran = clipsearch(*asked, squares_captioner, "--json", "--quiet")
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    assert found["captioners"] == ["generated:squares-1"]
    assert (found["split"], found["model"]) == ("dev", "builtin-5")
    assert (found["pictures"], found["captioned"]) == (6, 6)
    assert [each["k"] for each in found["results"]] == [1, 5, 10]
    for each in found["results"]:
        gain = each["with_captions"] - each["pictures_alone"]
        assert each["gain"] == pytest.approx(gain, abs=1e-5)
        assert each["gain_low"] <= each["gain"] <= each["gain_high"]
    assert found["results"][2]["with_captions"] == 1.0  # six pictures, all among ten


def test_what_a_collections_own_captions_add_is_shown(
    clipsearch: Clipsearch, captioned: Path
) -> None:
    clipsearch("index", captioned.parent, "--captions", captioned, "--quiet")
    ran = clipsearch("eval", "-c", "default", "--task", "generated")
    assert ran.code == 2
    assert "clipsearch caption --collection default --write catalogue" in ran.err
    assert clipsearch("caption", "--write", "catalogue", "--quiet").code == 0
    ran = clipsearch("eval", "-c", "default", "--task", "generated", "--quiet")
    assert ran.code == 0, ran.err
    assert "3 of 3 pictures captioned by generated:builtin-captioner" in ran.err
    assert [line.split("\t")[0] for line in ran.lines] == ["R@1", "R@5", "R@10"]


def test_a_collection_is_measured_at_the_precision_that_it_has(
    clipsearch: Clipsearch, tmp_path: Path
) -> None:
    """By the embeddings that it holds: its files may be away."""
    tower, photos = write_int8_folder(tmp_path / "tower"), tmp_path / "photos"
    photos.mkdir()
    for number, colour in enumerate(("red", "lime", "blue")):
        Image.new("RGB", (40, 30), colour).save(photos / f"{number}.png")
        (photos / f"{number}.txt").write_text(f"a {colour} wall\n")
    ran = clipsearch("index", photos, "--model", tower, "--precision", "int8", "--quiet")
    assert ran.code == 0, ran.err
    photos.rename(tmp_path / "away")
    ran = clipsearch("eval", "-c", "default", "--json", "--quiet")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["pictures"] == 3


def test_precisions_stand_side_by_side(clipsearch: Clipsearch, captioned: Path) -> None:
    asked = ("eval", captioned, "--precision", "fp32", "--precision", "int8")
    ran = clipsearch(*asked, "--json")
    assert ran.code == 0, ran.err
    exact, lighter = json.loads(ran.out)["results"]
    assert (exact["precision"], lighter["precision"]) == ("fp32", "int8")
    assert exact["model"] == lighter["model"]
    page = captioned.with_name("report.html")
    assert clipsearch(*asked, "--html", page).code == 0
    assert [f"<h2>builtin-5{end}</h2>" in page.read_text() for end in ("", " int8")] == [True] * 2


def test_a_precision_is_refused_where_none_can_be_chosen(
    clipsearch: Clipsearch, captioned: Path
) -> None:
    ran = clipsearch("eval", captioned, "--task", "captions", "--precision", "int8")
    assert (ran.code, "takes no --precision" in ran.err) == (2, True)
    two = ("--precision", "fp32", "--precision", "int8")
    ran = clipsearch("eval", captioned, "--task", "generated", *two)
    assert (ran.code, "takes one --precision at most" in ran.err) == (2, True)
    clipsearch("index", captioned.parent, "--quiet")
    ran = clipsearch("eval", "-c", "default", "--precision", "int8")
    assert (ran.code, "at the precision that it has" in ran.err) == (2, True)


def test_a_table_of_which_all_is_left_out_says_why(clipsearch: Clipsearch, tmp_path: Path) -> None:
    (tmp_path / "set.csv").write_text("filepath,title\n/elsewhere/cat.png,a cat\n")
    ran = clipsearch("eval", tmp_path / "set.csv")
    assert (ran.code, "would lie outside the folder" in ran.err) == (2, True)


def test_a_copy_is_measured_where_the_first_file_is_away(
    clipsearch: Clipsearch, captioned: Path, photographs: Path, tmp_path: Path
) -> None:
    copies = tmp_path / "moved"
    copies.mkdir()
    shutil.copy(photographs / "chelsea.png", copies)
    clipsearch("index", tmp_path, "--captions", captioned, "--quiet")
    (tmp_path / "chelsea.png").unlink()
    ran = clipsearch("eval", "-c", "default", "--model", "builtin", "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["pictures"] == 3


def test_a_folder_that_nobody_captioned_is_not_called_unreadable(
    clipsearch: Clipsearch, photographs: Path, tmp_path: Path
) -> None:
    shutil.copy(photographs / "chelsea.png", tmp_path)
    clipsearch("index", tmp_path, "--caption", "--quiet")
    ran = clipsearch("eval", "-c", "default", "--task", "generated")
    assert ran.code == 2
    assert "has a caption that a person wrote" in ran.err


def test_captions_of_a_model_are_measured_alone(clipsearch: Clipsearch, captioned: Path) -> None:
    for more in (
        ("--task", "retrieval"),
        ("--html", "page.html"),
        ("--model", "a", "--model", "b"),
    ):
        ran = clipsearch("eval", captioned, "--task", "generated", *more)
        assert ran.code == 2
        assert "--task generated" in ran.err
