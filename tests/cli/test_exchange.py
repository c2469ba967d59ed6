"""clipsearch export and import, as they are called."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from exchange.foreign import units, write_part
from running import Clipsearch

pytest.importorskip("pyarrow", reason="parquet needs clipsearch[exchange]")


PAGE = (Path(__file__).parents[2] / "docs" / "output.md").read_text(encoding="utf-8")


def undocumented(document: dict[str, Any], command: str) -> list[str]:
    """The fields that docs/output.md does not name under the command."""
    told = PAGE.partition(f"### {command}\n")[2].partition("\n#")[0]
    shared = ("schema_version", "command")
    return [name for name in document if name not in shared and f"`{name}`" not in told]


def test_a_collection_goes_out_and_comes_in_with_the_same_hits(
    indexed: Clipsearch, clipsearch: Clipsearch, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    exported = indexed("export", out, "--rows", "10", "--json")
    assert exported.code == 0, exported.err
    assert undocumented(json.loads(exported.out), "export") == []
    assert json.loads(exported.out)["parts"] == 3
    imported = clipsearch("import", out, "--json")
    assert imported.code == 0, imported.err
    assert undocumented(json.loads(imported.out), "import") == []
    again = clipsearch("query", "a cat")
    assert again.out == indexed("query", "a cat").out
    assert "chelsea" in again.lines[0]


def test_what_cannot_be_taken_in_is_said_in_words(clipsearch: Clipsearch, tmp_path: Path) -> None:
    folder = tmp_path / "odd\nname"
    embeddings = units(3)
    embeddings[1] *= 2
    write_part(folder, 0, embeddings, [{"image_path": str(n)} for n in range(3)])
    nobody = clipsearch("import", folder)
    assert (nobody.code, nobody.out) == (2, "")
    assert "--tower" in nobody.err
    refused = clipsearch("import", folder, "--tower", "ViT-B-32/openai")
    assert refused.code == 2
    assert "row 1" in refused.err
    assert "--normalise" in refused.err
    assert refused.err.count("\n") == 1
    assert clipsearch("list").code == 1


def test_embeddings_of_a_tower_that_is_not_here_are_kept_and_say_so(
    clipsearch: Clipsearch, tmp_path: Path
) -> None:
    write_part(tmp_path / "in", 0, units(3), [{"image_path": str(n)} for n in range(3)])
    ran = clipsearch("import", tmp_path / "in", "--tower", "no-such-tower/made_up")
    assert ran.code == 0, ran.err
    assert "3 images added" in ran.out
    assert clipsearch("verify").code == 0
    asked = clipsearch("query", "cat")
    assert asked.code == 2
    assert "no-such-tower/made_up" in asked.err
