"""clipsearch migrate, as it is called."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from running import Clipsearch

pytest.importorskip("onnx", reason="the tiny towers are written with onnx")

from towers.tiny_folder import write_tiny_folder

Paint = Callable[[str, str], Path]


@pytest.fixture
def tower(tmp_path: Path) -> Path:
    return write_tiny_folder(tmp_path / "tower")


@pytest.fixture
def filled(clipsearch: Clipsearch, pictures: Path, paint: Paint) -> Clipsearch:
    paint("red.png", "red")
    paint("blue.png", "blue")
    assert clipsearch("index", pictures).code == 0
    return clipsearch


def held_tower(clipsearch: Clipsearch) -> str:
    name: str = json.loads(clipsearch("status", "--json").out)["tower"]["name"]
    return name


def made_by_an_earlier_version(clipsearch: Clipsearch) -> None:
    """Let the catalogue name built-in towers that are no more."""
    path = clipsearch.home / "collections" / "default" / "catalogue.sqlite"
    with sqlite3.connect(path) as database:
        database.execute(
            "UPDATE facts SET value = json_set(value, '$.name', 'builtin-0') WHERE key = 'tower'"
        )
    database.close()


def test_a_collection_goes_over_and_back(filled: Clipsearch, tower: Path) -> None:
    ran = filled("migrate", "--model", tower)
    assert ran.code == 0, ran.err
    assert "2 images embedded" in ran.out
    assert held_tower(filled) == f"local-dir:{tower}"
    assert filled("verify").code == 0
    assert filled("migrate").code == 0
    assert filled("query", "red", "--all").code == 0


def test_a_collection_of_an_earlier_builtin_tower_is_told_and_taken_over(
    filled: Clipsearch,
) -> None:
    made_by_an_earlier_version(filled)
    told = filled("query", "red", "--all")
    assert told.code == 2
    assert "`clipsearch migrate`" in told.err
    assert filled("migrate").code == 0
    assert filled("query", "red", "--all").code == 0


def test_an_earlier_builtin_tower_that_is_asked_for_is_told(
    clipsearch: Clipsearch, paint: Paint
) -> None:
    told = clipsearch("score", paint("x.png", "red"), "--text", "x", "--model", "builtin-999")
    assert told.code == 2
    assert "clipsearch migrate" in told.err


def test_json_says_what_was_done(filled: Clipsearch, tower: Path) -> None:
    found = json.loads(filled("migrate", "--model", tower, "--json").out)
    assert (found["command"], found["migrated"], found["embedded"]) == ("migrate", True, 2)
    assert found["new"]["name"] == f"local-dir:{tower}"


def test_a_collection_that_is_there_already_is_left(filled: Clipsearch) -> None:
    ran = filled("migrate")
    assert ran.code == 0
    assert "already" in ran.out


def test_pictures_that_are_gone_are_named_and_kept(
    filled: Clipsearch, tower: Path, pictures: Path
) -> None:
    (pictures / "red.png").unlink()
    ran = filled("migrate", "--model", tower, "--json")
    assert ran.code == 2
    assert f"{pictures / 'red.png'}: its file is gone" in ran.err
    assert "--drop-missing" in ran.err
    assert json.loads(ran.out)["unreached"][0]["path"] == str(pictures / "red.png")
    assert held_tower(filled).startswith("builtin")


def test_pictures_that_are_gone_are_left_behind_if_asked(
    filled: Clipsearch, tower: Path, pictures: Path
) -> None:
    (pictures / "red.png").unlink()
    ran = filled("migrate", "--model", tower, "--drop-missing")
    assert ran.code == 0, ran.err
    assert "1 taken out" in ran.out
    assert f"taken out: {pictures / 'red.png'}" in ran.err


def test_nothing_to_give_up_is_exit_1(filled: Clipsearch) -> None:
    assert filled("migrate", "--abandon").code == 1


def test_a_collection_that_is_not_there_is_said(clipsearch: Clipsearch) -> None:
    ran = clipsearch("migrate", "-c", "nowhere")
    assert ran.code == 2
    assert "there is no collection 'nowhere'" in ran.err


def held_precision(clipsearch: Clipsearch) -> str:
    name: str = json.loads(clipsearch("status", "--json").out)["tower"]["precision"]
    return name


def test_a_collection_goes_over_to_another_precision_and_keeps_it(filled: Clipsearch) -> None:
    ran = filled("migrate", "--precision", "int8")
    assert ran.code == 0, ran.err
    assert "builtin-5 (fp32) -> builtin-5 (int8)" in ran.out
    again = filled("migrate")
    assert "builtin-5 at int8 already" in again.out
    assert filled("list").out.split("\t")[2:4] == ["builtin-5", "int8"]
    back = filled("migrate", "--model", "builtin")
    assert (back.code, held_precision(filled)) == (0, "fp32")


def test_another_precision_is_told_how_to_have_it(filled: Clipsearch, pictures: Path) -> None:
    ran = filled("index", pictures, "--precision", "int8")
    assert ran.code == 2
    assert "`clipsearch migrate --model builtin-5 --precision int8`" in ran.err
    ran = filled("migrate", "--model", "builtin-5", "--precision", "int8")
    assert (ran.code, held_precision(filled)) == (0, "int8")


def stopped_on_its_way_to_int8(clipsearch: Clipsearch) -> None:
    """As after Ctrl-C: one picture is embedded at int8."""
    path = clipsearch.home / "collections" / "default" / "catalogue.sqlite"
    with sqlite3.connect(path) as database:
        database.execute(
            "INSERT INTO facts (key, value) SELECT 'migrating_to', "
            "json_set(value, '$.precision', 'int8') FROM facts WHERE key = 'tower'"
        )
        database.execute(
            "CREATE TABLE next_embeddings (image_id INTEGER PRIMARY KEY, embedding BLOB NOT NULL)"
        )
        database.execute("INSERT INTO next_embeddings VALUES (1, zeroblob(2560))")
    database.close()


def test_what_is_on_its_way_to_another_precision_is_not_there_already(filled: Clipsearch) -> None:
    stopped_on_its_way_to_int8(filled)
    finish = "clipsearch migrate --model builtin-5 --precision int8"
    assert finish in filled("status").out
    ran = filled("migrate", "--model", "builtin-5")
    assert (ran.code, finish in ran.err) == (2, True)
    ran = filled("migrate")  # without a word it goes where it was going
    assert (ran.code, held_precision(filled)) == (0, "int8")
