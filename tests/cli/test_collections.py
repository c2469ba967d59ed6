"""status, list, remove, verify and rebuild."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Paint
from running import Clipsearch


def test_status_counts_what_a_collection_holds(indexed: Clipsearch, photographs: Path) -> None:
    facts = dict(line.split("\t") for line in indexed("status").lines)
    assert facts["images"] == "28"
    assert facts["left out"] == "1"
    assert facts["root"] == str(photographs)
    document = json.loads(indexed("status", "--json").out)
    assert (document["schema_version"], document["images"]) == (2, 28)
    assert document["tower"]["name"].startswith("builtin")


def test_status_failed_lists_reasons_or_is_exit_1(
    indexed: Clipsearch, clipsearch: Clipsearch, paint: Paint
) -> None:
    ran = indexed("status", "--failed")
    code, path, reason = ran.lines[0].split("\t")
    assert (ran.code, code, Path(path).name) == (0, "not_an_image", "multipage_rgb.tif")
    assert reason
    clipsearch("index", paint("red.png", "red"))
    assert clipsearch("status", "--failed").code == 1


@pytest.mark.parametrize("command", ["status", "verify", "rebuild", "index"])
def test_reading_a_missing_collection_is_exit_2_and_begins_none(
    clipsearch: Clipsearch, command: str
) -> None:
    ran = clipsearch(command, "--collection", "nosuch")
    assert ran.code == 2
    assert "nosuch" in ran.err
    assert clipsearch("list").code == 1


def test_list_names_the_collections_and_what_one_holds(
    indexed: Clipsearch, photographs: Path
) -> None:
    assert indexed("list").out.startswith("default\t28\tbuiltin")
    lines = indexed("list", "default").lines
    assert len(lines) == 28
    assert lines[0] == f"1\t{photographs / 'astronaut.png'}"
    document = json.loads(indexed("list", "default", "--json").out)
    assert len(document["images"]) == 28
    assert document["images"][0]["format"] == "PNG"


def test_remove_takes_out_by_path_and_by_id_and_leaves_the_files(
    copied: Clipsearch, photographs: Path
) -> None:
    ran = copied("remove", photographs / "chelsea.png", "--id", "1")
    assert (ran.code, ran.out) == (0, "2 images removed\n")
    assert (photographs / "chelsea.png").exists()
    assert "chelsea" not in copied("query", "a cat", "--paths").out
    assert copied("remove", "/nosuch").code == 1


def test_remove_all_asks_first_and_needs_yes_where_nobody_can_be_asked(
    copied: Clipsearch,
) -> None:
    assert copied("remove", "--all").code == 2
    assert copied("status").code == 0
    ran = copied("remove", "--all", "--yes")
    assert ran.out == "the collection 'default' with its 28 images was removed\n"
    assert not list((copied.home / "collections").iterdir())
    assert copied("query", "a cat").code == 2


def test_remove_of_nothing_says_what_to_name(indexed: Clipsearch) -> None:
    ran = indexed("remove")
    assert ran.code == 2
    assert "a PATH, --id or --all" in ran.err


def test_verify_finds_a_whole_collection_whole(indexed: Clipsearch) -> None:
    assert indexed("verify").out == "default: 28 images, whole\n"
    assert json.loads(indexed("verify", "--json").out)["faults"] == []


def test_rebuild_makes_the_index_that_is_asked_for(copied: Clipsearch) -> None:
    assert copied("rebuild", "--index", "flat-fp32").out.startswith("index flat")
    assert copied("query", "a cat").code == 0
    assert copied("rebuild", "--index", "nosuch").code == 2
