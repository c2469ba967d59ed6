"""--preview and --open: pictures before the eyes."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pytest
from running import Clipsearch

HALF_BLOCK = "\u2580"


def test_a_terminal_gets_each_hit_with_its_picture_below(
    indexed: Clipsearch, photographs: Path
) -> None:
    shown = indexed.on_terminal("similar", photographs / "coffee.png", "-k", "2", "--preview")
    lines = [line for line in shown.splitlines() if re.match(r"\d\t", line)]
    assert [line.split("\t")[0] for line in lines] == ["1", "2"]
    assert lines[0].endswith("coffee.png")
    between = shown[shown.index("1\t") : shown.index("2\t")]
    assert HALF_BLOCK in between or "\x1bP" in between or "\x1b_G" in between


@pytest.mark.parametrize("form", [[], ["--json"], ["--paths"]], ids=str)
def test_a_pipe_gets_no_picture(indexed: Clipsearch, form: list[str]) -> None:
    arguments = ["query", "a", "cat", "-k", "2", *form]
    assert indexed(*arguments, "--preview").out == indexed(*arguments).out


def test_a_form_for_programs_gets_no_picture_on_a_terminal_either(indexed: Clipsearch) -> None:
    shown = indexed.on_terminal("query", "a", "cat", "-k", "1", "--paths", "--preview")
    assert HALF_BLOCK not in shown


@pytest.fixture
def viewer(tmp_path: Path) -> Path:
    """A folder with an xdg-open that notes what it is asked to open."""
    script = tmp_path / "bin" / "xdg-open"
    script.parent.mkdir()
    script.write_text(
        f'#!/bin/sh\nprintf %s "$1" > {tmp_path}/opened.part\n'
        f"mv {tmp_path}/opened.part {tmp_path}/opened\n"
    )
    script.chmod(0o755)
    return script.parent


def opened(tmp_path: Path) -> str:
    """What the viewer was asked for; it runs beside the program, so it is waited for."""
    deadline = time.monotonic() + 30
    while not (tmp_path / "opened").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    return (tmp_path / "opened").read_text()


def test_open_shows_the_first_hit(
    indexed: Clipsearch, photographs: Path, viewer: Path, tmp_path: Path
) -> None:
    path = f"{viewer}:{os.environ['PATH']}"
    ran = indexed("query", "a", "cat", "--open", PATH=path)
    assert (ran.code, ran.err) == (0, "")
    assert opened(tmp_path) == str(photographs / "chelsea.png")


def test_open_shows_the_page_where_one_is_written(
    indexed: Clipsearch, viewer: Path, tmp_path: Path
) -> None:
    path = f"{viewer}:{os.environ['PATH']}"
    indexed("query", "a", "cat", "-k", "1", "--html", tmp_path / "page.html", "--open", PATH=path)
    assert opened(tmp_path) == str(tmp_path / "page.html")


def test_open_says_where_no_viewer_is(indexed: Clipsearch, tmp_path: Path) -> None:
    ran = indexed("query", "a", "cat", "-k", "1", "--open", PATH=str(tmp_path))
    assert ran.code == 0
    assert "no program is here that opens" in ran.err


def test_open_opens_nothing_where_nothing_is_found(indexed: Clipsearch, tmp_path: Path) -> None:
    ran = indexed("query", "a cat", "--min-score", "0.99", "--open", PATH=str(tmp_path))
    assert (ran.code, ran.err) == (1, "nothing found.\n")
