"""clipsearch dedupe, as people and pipes call it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image as PillowImage
from running import Clipsearch, environment

ODD = "a\nb \x1b[31m.jpg"


@pytest.fixture(scope="module")
def doubled(tmp_path_factory: pytest.TempPathFactory, photographs: Path) -> tuple[Clipsearch, Path]:
    """A home with a photograph, its twin, a smaller copy, and another one. Tests only read it."""
    root = tmp_path_factory.mktemp("doubled")
    folder = root / "pictures"
    folder.mkdir()
    image = PillowImage.open(photographs / "coffee.png")
    image.save(folder / "coffee.png")
    image.resize((300, 200)).save(folder / "small.jpg")
    image.resize((300, 200)).save(folder / ODD)
    shutil.copy(photographs / "chelsea.png", folder)
    program = Clipsearch(root / "home")
    assert program("index", folder).code == 0
    return program, folder


def test_lines_name_group_tier_and_what_is_kept(doubled: tuple[Clipsearch, Path]) -> None:
    program, folder = doubled
    ran = program("dedupe")
    assert ran.code == 0
    lines = [line.split("\t") for line in ran.lines]
    assert [line[:4] for line in lines] == [
        ["1", "exact", "keep", "300x200"],
        ["1", "exact", "", "300x200"],
        ["2", "copy", "keep", "600x400"],
        ["2", "copy", "", "300x200"],
    ]
    assert lines[2][-1] == str(folder / "coffee.png")
    assert "exact: 1 group, 1 file beside the kept one" in ran.err


def test_paths_for_a_pipe_leave_the_kept_file_out(doubled: tuple[Clipsearch, Path]) -> None:
    program, _ = doubled
    ran = program("dedupe", "-0", "--quiet")
    names = {Path(name.decode()).name for name in ran.out_bytes.split(b"\0") if name}
    assert names == {ODD, "small.jpg"}
    assert ran.err == ""


def test_a_pipe_can_remove_them_and_what_is_kept_stays(
    doubled: tuple[Clipsearch, Path], tmp_path: Path
) -> None:
    _, folder = doubled
    copied = tmp_path / "pictures"
    shutil.copytree(folder, copied)
    program = Clipsearch(tmp_path / "home")
    program("index", copied)
    found = program("dedupe", "-0", "--quiet").out_bytes
    subprocess.run(["xargs", "-0", "rm"], input=found, check=True, env=environment(program.home))
    assert {path.name for path in copied.iterdir()} == {"coffee.png", "chelsea.png"}
    assert program("dedupe").code == 1


def test_json_tells_each_group_with_its_kept_file(doubled: tuple[Clipsearch, Path]) -> None:
    program, folder = doubled
    document = json.loads(program("dedupe", "--json", "--tier", "copy").out)
    assert (document["schema_version"], document["command"]) == (2, "dedupe")
    [group] = document["groups"]
    assert group["tier"] == "copy"
    assert group["kept"]["path"] == str(folder / "coffee.png")
    [other] = group["others"]
    assert other["width"] == 300
    assert 0 < other["difference"] <= document["max_difference"]
    assert other["score"] > 0.8
    assert document["unread"] == []


def test_the_page_shows_the_groups_and_hides_no_script(
    doubled: tuple[Clipsearch, Path], tmp_path: Path
) -> None:
    program, _ = doubled
    target = tmp_path / "same.html"
    assert program("dedupe", "--html", target).code == 0
    page = target.read_text(encoding="utf-8")
    assert page.count("<figure") == 4
    assert "1 · exact" in page
    assert "2 · copy" in page
    assert "\x1b" not in page


def test_nothing_the_same_is_exit_1(doubled: tuple[Clipsearch, Path]) -> None:
    program, folder = doubled
    ran = program("dedupe", folder / "chelsea.png")
    assert (ran.code, ran.out) == (1, "")
    assert "nothing found" in ran.err


def test_a_collection_that_is_not_there_is_exit_2(clipsearch: Clipsearch) -> None:
    assert clipsearch("dedupe").code == 2
