"""What programs give a collection, and what they are shown of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from conftest import Paint

from clipsearch import Collection, Filter, Query, Words
from clipsearch.errors import ClipsearchError, EmptyQuery, WrongArgument


def test_one_path_is_taken_in_as_several_are(collection: Collection, paint: Paint) -> None:
    red, blue = paint("red.png", "red"), paint("blue.png", "blue")
    assert collection.ingest(red).added == 1
    assert collection.ingest(str(blue)).added == 1
    assert collection.ingest([os.fspath(red), blue]).unchanged == 2
    where = Filter(under=[str(red)])  # type: ignore[list-item]
    assert [each.path for each in collection.matching(where)] == [red]
    assert collection.remove(under=str(red)).images == 1


@pytest.mark.parametrize("given", [5, [5], b"/pictures"], ids=str)
def test_what_is_no_path_is_said_so(collection: Collection, given: Any) -> None:
    with pytest.raises(WrongArgument, match="`roots` is to be a path or several, not int") as told:
        collection.ingest(given)
    assert isinstance(told.value, TypeError)
    assert isinstance(told.value, ClipsearchError)


def test_what_is_no_text_is_said_so(collection: Collection) -> None:
    with pytest.raises(WrongArgument, match="`text` is to be a text, not int"):
        collection.query(5)  # type: ignore[arg-type]


@pytest.mark.parametrize("parts", [[], [Words(" ")], [Words("red"), Words("red", -1)]], ids=str)
def test_an_empty_query_gives_no_advice_on_command_lines(
    collection: Collection, paint: Paint, parts: list[Words]
) -> None:
    collection.ingest(paint("red.png", "red"))
    with pytest.raises(EmptyQuery) as told:
        collection.search(Query(parts))
    assert "--" not in str(told.value)


def test_a_collection_shows_what_it_is_also_when_it_is_closed_missing_or_damaged(
    collection: Collection, paint: Paint
) -> None:
    assert repr(collection) == "<Collection 'default': not begun>"
    collection.ingest(paint("red.png", "red"))
    assert repr(collection) == "<Collection 'default': 1 picture, colours>"
    collection.close()
    assert repr(collection) == "<Collection 'default': 1 picture, colours>"
    (collection.folder / "catalogue.sqlite").write_bytes(b"garbage")
    assert repr(collection).startswith("<Collection 'default': cannot be read: Catalogue")


def test_a_collection_knows_where_its_pictures_lay(collection: Collection, paint: Paint) -> None:
    picture = paint("red.png", "red")
    assert not collection.knows(picture)
    collection.ingest(picture.parent)
    picture.unlink()
    assert collection.knows(picture)
    assert collection.knows(picture.parent)
    assert not collection.knows(Path("/missing"))
