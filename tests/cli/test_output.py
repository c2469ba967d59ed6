"""docs/output.md names what is written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from running import Clipsearch

from clipsearch.cli import hits, score

PAGE = (Path(__file__).parents[2] / "docs" / "output.md").read_text(encoding="utf-8")
NAMES_OF_OTHERS = ("metadata", "notes")
"""Objects whose keys are no fields of ours."""


def section(heading: str) -> str:
    """What stands under a heading of the page."""
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None, heading
    return found[1]


def fields(document: Any) -> Iterator[str]:
    """The names of all fields of a document, at any depth."""
    if isinstance(document, list):
        for each in document:
            yield from fields(each)
    elif isinstance(document, dict):
        for name, value in document.items():
            yield name
            if name not in NAMES_OF_OTHERS:
                yield from fields(value)


@pytest.mark.parametrize(
    ("arguments", "heading"),
    [
        (["query", "cat", "--minus", "PICTURE"], "query, similar"),
        (["similar", "PICTURE"], "query, similar"),
        (["index"], "index"),
        (["score", "PICTURE", "--text", "cat"], "score"),
        (["demo", "PICTURE", "--out", "PAGE"], "demo"),
        (["list"], "list"),
        (["list", "default"], "list"),
        (["status"], "status"),
        (["status", "--failed"], "status"),
        (["verify"], "verify"),
        (["models"], "models"),
        (["doctor"], "doctor"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_every_field_of_a_commands_json_is_documented(
    copied: Clipsearch, photographs: Path, tmp_path: Path, arguments: list[str], heading: str
) -> None:
    files = {"PICTURE": str(photographs / "coffee.png"), "PAGE": str(tmp_path / "page.html")}
    ran = copied(*(files.get(each, each) for each in arguments), "--json")
    document = json.loads(ran.out)
    shared = ("JSON", "A hit", "An image", "A tower", "A picture left out")
    told = "".join(map(section, (heading, *shared)))
    assert document["schema_version"] == 2
    assert document["command"] == arguments[0]
    assert [name for name in document if f"`{name}`" not in told] == []
    assert {name for name in fields(document) if f"`{name}`" not in told} == set()


@pytest.mark.parametrize(
    ("command", "columns"), [("query", hits.COLUMNS), ("score", score.COLUMNS)]
)
def test_the_columns_of_csv_are_documented_in_their_order(
    command: str, columns: tuple[str, ...]
) -> None:
    row = next(line for line in section("CSV").splitlines() if line.startswith(f"| `{command}`"))
    assert re.findall(r"`(\w+)`", row.split("|")[2]) == list(columns)


def test_the_fields_of_a_hit_are_documented_in_their_order(indexed: Clipsearch) -> None:
    hit = json.loads(indexed("query", "cat", "-k", "1", "--json").out)["hits"][0]
    table = [line.split("|")[1] for line in section("An image").splitlines() if "|" in line]
    assert [*re.findall(r"`(\w+)`", "".join(table))] == [*hit][[*hit].index("id") :]
