"""score, models, doctor and demo."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path

import pytest
from conftest import Paint
from running import Clipsearch

TEXTS = ("--text", "a cat", "--text", "a cup of coffee")


def test_score_says_which_text_fits_which_picture(
    clipsearch: Clipsearch, photographs: Path
) -> None:
    pictures = [photographs / "chelsea.png", photographs / "coffee.png"]
    document = json.loads(clipsearch("score", *pictures, *TEXTS, "--json").out)
    assert document["images"] == [str(picture) for picture in pictures]
    assert document["texts"] == ["a cat", "a cup of coffee"]
    for shares, cosines in zip(document["softmax"], document["cosine"], strict=True):
        assert sum(shares) == pytest.approx(1.0, abs=1e-5)
        assert (shares[0] > shares[1]) == (cosines[0] > cosines[1])
    assert document["cosine"][0][0] > document["cosine"][0][1]
    assert document["cosine"][1][1] > document["cosine"][1][0]
    assert not clipsearch.home.exists()


def test_score_writes_a_pair_a_line(clipsearch: Clipsearch, photographs: Path) -> None:
    picture = photographs / "chelsea.png"
    rows = [line.split("\t") for line in clipsearch("score", picture, *TEXTS).lines]
    assert [row[:2] for row in rows] == [[str(picture), TEXTS[1]], [str(picture), TEXTS[3]]]
    read = csv.DictReader(io.StringIO(clipsearch("score", picture, *TEXTS, "--csv").out))
    assert read.fieldnames == ["image", "text", "cosine", "softmax"]


def test_score_without_text_is_exit_2(clipsearch: Clipsearch, photographs: Path) -> None:
    ran = clipsearch("score", photographs / "chelsea.png")
    assert ran.code == 2
    assert "--text" in ran.err


def test_models_begins_with_the_built_in_one(clipsearch: Clipsearch) -> None:
    assert clipsearch("models").lines[0].startswith("builtin\tbuilt in\t")
    assert json.loads(clipsearch("models", "--json").out)["models"][0]["name"] == "builtin"


def test_unpack_refuses_a_folder_that_holds_something(clipsearch: Clipsearch, paint: Paint) -> None:
    ran = clipsearch("models", "unpack", "builtin", paint("red.png", "red").parent)
    assert ran.code == 2
    assert "not empty" in ran.err


@pytest.mark.slow
def test_unpack_writes_a_folder_that_open_clip_loads(
    clipsearch: Clipsearch, tmp_path: Path
) -> None:
    open_clip = pytest.importorskip("open_clip", reason="unpacking needs clipsearch[torch]")
    folder = tmp_path / "my tower"
    ran = clipsearch("models", "unpack", "builtin", folder)
    assert (ran.code, ran.out) == (0, f"local-dir:{folder}\n"), ran.err
    assert f"wrote {folder}" in ran.err
    model, _, _ = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    assert model.text.output_dim == 640


def test_doctor_finds_a_sound_installation_sound(indexed: Clipsearch) -> None:
    document = json.loads(indexed("doctor", "--json").out)
    found = {finding["name"]: finding for finding in document["findings"]}
    assert [finding for finding in document["findings"] if not finding["ok"]] == []
    assert found["built-in tower"]["state"].endswith("files whole")
    assert found["collection default"]["state"].startswith("28 images")


def test_doctor_says_that_two_kinds_of_faiss_break_each_other(
    clipsearch: Clipsearch, tmp_path: Path
) -> None:
    described = tmp_path / "faiss_gpu-1.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: faiss-gpu\nVersion: 1.0\n")

    path = f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"
    ran = clipsearch("doctor", PYTHONPATH=path)
    assert ran.code == 2
    assert "faiss-cpu and faiss-gpu are both installed and break each other" in ran.out


def test_doctor_names_a_collection_that_does_not_open(copied: Clipsearch) -> None:
    (copied.home / "collections" / "default" / "catalogue.sqlite").write_bytes(b"garbage")
    ran = copied("doctor")
    assert ran.code == 2
    assert "BROKEN\tcollection default" in ran.out


def test_demo_finds_what_it_asks_for_and_writes_a_page(
    clipsearch: Clipsearch, tmp_path: Path, photographs: Path
) -> None:
    page = tmp_path / "page.html"
    ran = clipsearch("demo", "--json", "--out", page)
    assert ran.code == 0
    queries = json.loads(ran.out)["queries"]
    first = [Path(query["hits"][0]["path"]).stem for query in queries]
    assert first[:3] == ["chelsea", "coffee", "rocket"]
    assert page.read_text().count("<section>") == 6
    assert clipsearch("query", "-c", "demo", "a cat").code == 0


def test_demo_takes_a_folder_of_ones_own(
    clipsearch: Clipsearch, paint: Paint, tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    ran = clipsearch("demo", paint("red.png", "red").parent, "--out", page)
    assert ran.code == 0
    assert ran.out.startswith("1 pictures")
    assert page.read_text().count("<figure") == 6


def test_demo_of_an_empty_folder_is_exit_1(
    clipsearch: Clipsearch, pictures: Path, tmp_path: Path
) -> None:
    ran = clipsearch("demo", pictures, "--out", tmp_path / "page.html")
    assert ran.code == 1
    assert "no pictures were found" in ran.err
    assert not (tmp_path / "page.html").exists()
