"""What is mistyped is said to be mistyped, in the words of the command line."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest
from conftest import Paint
from running import Ran

from clipsearch import Collection

Call = Callable[..., Ran]


@pytest.mark.parametrize(
    "asked",
    [
        ["index", "/missing"],
        ["index", "/missing", "--prune"],
        ["index", "PICTURES", "--captions", "/missing"],
        ["demo", "/missing"],
        ["dedupe", "/missing"],
        ["list", "default", "--not-under", "/missing"],
    ],
    ids=str,
)
def test_a_path_that_nobody_knows_is_said_not_to_exist(
    call: Call, collection: Collection, paint: Paint, asked: list[str]
) -> None:
    folder = paint("red.png", "red").parent
    collection.ingest([folder])
    ran = call(*(str(folder) if each == "PICTURES" else each for each in asked))
    assert (ran.code, ran.out) == (2, "")
    assert "/missing" in ran.err
    assert "exist" in ran.err or "no such folder" in ran.err
    assert "--prune" not in ran.err


def test_a_known_folder_that_vanished_is_still_a_folder_to_look_away_from(
    call: Call, collection: Collection, paint: Paint
) -> None:
    stays = paint("red.png", "red")
    paint("old/blue.png", "blue")
    collection.ingest([stays.parent])
    shutil.rmtree(stays.parent / "old")
    ran = call("list", "default", "--not-under", stays.parent / "old", "--paths")
    assert ran.out == f"{stays}\n"
    assert call("dedupe", stays.parent / "old").code == 1


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["cat", "--not", ""], "'--not': a text is empty"),
        (["cat", "--text", " "], "'--text': a text is empty"),
        (["cat", "--min-score", "5"], "5.0 is not in the range -1<=x<=1"),
        (["cat", "--min-size", "0"], "clipsearch: --min-size: it asks for nothing"),
        (["cat", "--after", "soon"], "clipsearch: --after: 'soon' is no date"),
        (["cat", "--before", "soon"], "clipsearch: --before: 'soon' is no date"),
        (["cat", "--not-format", "psd"], "clipsearch: --not-format: there is no format 'psd'"),
        (["cat", "--where", "sku"], "clipsearch: --where: 'sku' is no KEY=VALUE"),
    ],
    ids=str,
)
def test_an_option_that_makes_no_sense_is_named_as_it_was_typed(
    call: Call, asked: list[str], said: str
) -> None:
    ran = call("query", *asked)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
