"""What remove says that it took out, and why it took out nothing."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Paint
from running import Ran

from clipsearch import Collection, IngestOptions


@pytest.fixture
def captioned(collection: Collection, paint: Paint) -> Path:
    """A folder of a red and a blue picture whose captions lie in a table beside it."""
    folder = paint("red.png", "red").parent
    paint("blue.png", "blue")
    table = folder.with_name("captions.csv")
    table.write_text("filepath,title\npictures/red.png,a red square\npictures/blue.png,the sea\n")
    collection.ingest([folder], IngestOptions(captions=(table,)))
    return folder


def test_a_table_of_captions_that_is_forgotten_is_said(
    call: Callable[..., Ran], captioned: Path, collection: Collection
) -> None:
    table = captioned.with_name("captions.csv")
    ran = call("remove", table)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == "0 images removed; forgotten: 1 table of captions, 2 captions\n"
    assert collection.status().caption_tables == ()


def test_a_folder_that_is_forgotten_is_said(call: Callable[..., Ran], captioned: Path) -> None:
    ran = call("remove", captioned)
    assert (ran.code, ran.out) == (0, "2 images removed; forgotten: 1 folder\n")


def test_a_file_is_forgotten_though_its_image_lies_elsewhere_too(
    call: Callable[..., Ran], captioned: Path, collection: Collection
) -> None:
    shutil.copy(captioned / "red.png", captioned / "copy.png")
    collection.ingest([captioned])
    ran = call("remove", captioned / "copy.png")
    assert (ran.code, ran.out) == (0, "0 images removed; forgotten: 1 copy\n")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["/missing"], "'default' knows nothing at or under /missing, which does not exist."),
        (["--id", "99"], "'default' has no image 99."),
    ],
    ids=str,
)
def test_nothing_removed_has_its_reason(
    call: Callable[..., Ran], captioned: Path, asked: list[str], said: str
) -> None:
    ran = call("remove", *asked)
    assert (ran.code, ran.out) == (1, "0 images removed\n")
    assert said in ran.err


def test_a_link_to_a_table_names_the_table(call: Callable[..., Ran], captioned: Path) -> None:
    link = captioned.with_name("link.csv")
    link.symlink_to(captioned.with_name("captions.csv"))
    assert "forgotten: 1 table of captions" in call("remove", link).out
