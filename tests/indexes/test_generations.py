"""Generations on disk: published, opened, listed, retired."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from clipsearch.durable import TEMPORARY
from clipsearch.errors import GenerationDamaged
from clipsearch.indexes import (
    Recipe,
    generations,
    open_generation,
    publish,
    recipe_named,
    retire,
    verify_generation,
)
from clipsearch.values import Embeddings, Ids

FLAT = recipe_named("flat")
ROWS = np.eye(6, dtype=np.float32)
CONTENT = [(np.arange(1, 7), ROWS)]


def test_what_is_published_is_what_is_opened(tmp_path: Path) -> None:
    ours = publish(tmp_path / "new" / "indexes", 7, FLAT, CONTENT, {"tower": "abc"})
    held = open_generation(tmp_path / "new" / "indexes", 7)
    assert held.folder == ours.folder == tmp_path / "new" / "indexes" / "000007"
    assert (held.number, held.recipe, held.stamp) == (7, FLAT, {"tower": "abc"})
    assert (held.dim, held.count, held.last_id) == (6, 6, 6)
    assert held.index.search(ROWS[2:3], 1).ids.tolist() == [[3]]
    verify_generation(tmp_path / "new" / "indexes", 7)


def test_a_recipe_keeps_its_numbers(tmp_path: Path, make_rows: Callable[..., Embeddings]) -> None:
    recipe = Recipe("pq", "fp32", candidates=30, candidate_share=0.5, training_rows=50, seed=3)
    publish(tmp_path, 1, recipe, [(np.arange(100), make_rows(100, 8))], {})
    assert open_generation(tmp_path, 1).recipe == recipe
    verify_generation(tmp_path, 1)


def test_content_in_chunks_makes_the_same_files_as_content_at_once(
    name: str, tmp_path: Path, make_rows: Callable[..., Embeddings]
) -> None:
    rows, ids = make_rows(3000, 8), np.arange(3000) * 2

    def chunks() -> Iterator[tuple[Ids, Embeddings]]:
        yield ids[:0], rows[:0]
        for start in range(0, 3000, 7):
            yield ids[start : start + 7], rows[start : start + 7]

    publish(tmp_path, 1, recipe_named(name), [(ids, rows)], {})
    publish(tmp_path, 2, recipe_named(name), chunks(), {})
    for file in ("index.faiss", "ids.npy"):
        one, other = tmp_path / "000001" / file, tmp_path / "000002" / file
        assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ([], "width"),
        ([(np.array([1, 1]), ROWS[:2])], "ascend"),
        ([(np.array([2, 1]), ROWS[:2])], "ascend"),
        ([(np.array([5]), ROWS[:1]), (np.array([5]), ROWS[1:2])], "ascend"),
        ([(np.array([1]), ROWS[:2])], "1 ids"),
        ([(np.array([1]), ROWS[:1]), (np.array([2]), ROWS[:1, :4])], "width 6"),
        ([(np.array([1]), ROWS[:1] * np.nan)], "finite"),
    ],
)
def test_content_that_is_not_as_promised_is_refused_and_leaves_nothing(
    content: list[tuple[Ids, Embeddings]], told: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=told):
        publish(tmp_path, 1, FLAT, content, {})
    assert list(tmp_path.iterdir()) == []


def test_a_number_is_published_once(tmp_path: Path) -> None:
    publish(tmp_path, 1, FLAT, CONTENT, {})
    with pytest.raises(ValueError, match="stands already"):
        publish(tmp_path, 1, FLAT, CONTENT, {})
    with pytest.raises(ValueError, match="count from 1"):
        publish(tmp_path, 0, FLAT, CONTENT, {})


def test_only_whole_folders_with_a_manifest_are_generations(tmp_path: Path) -> None:
    assert generations(tmp_path / "nowhere") == []
    for number in (10, 9, 1_000_000):
        publish(tmp_path, number, FLAT, CONTENT, {})
    (tmp_path / "000011").mkdir()
    (tmp_path / "notes").mkdir()
    (tmp_path / "000012").write_text("")
    assert generations(tmp_path) == [9, 10, 1_000_000]
    with pytest.raises(GenerationDamaged, match=r"no manifest.json"):
        open_generation(tmp_path, 11)
    with pytest.raises(GenerationDamaged):
        open_generation(tmp_path, 12)


def test_a_folder_without_a_manifest_makes_room_for_a_new_generation(tmp_path: Path) -> None:
    publish(tmp_path, 1, FLAT, CONTENT, {})
    (tmp_path / "000001" / "manifest.json").unlink()
    publish(tmp_path, 1, FLAT, CONTENT, {"second": "yes"})
    assert open_generation(tmp_path, 1).stamp == {"second": "yes"}


def test_retiring_keeps_the_newest_and_sweeps_leftovers(tmp_path: Path) -> None:
    for number in (1, 2, 5):
        publish(tmp_path, number, FLAT, CONTENT, {})
    (tmp_path / f".000006.1{TEMPORARY}").mkdir()
    retire(tmp_path, keep=2)
    assert sorted(place.name for place in tmp_path.iterdir()) == ["000002", "000005"]
    with pytest.raises(ValueError, match="at least one"):
        retire(tmp_path, keep=0)


def test_who_has_a_generation_open_may_go_on_when_it_is_retired(
    name: str, tmp_path: Path, make_rows: Callable[..., Embeddings]
) -> None:
    rows = make_rows(2000, 16)
    held = publish(tmp_path, 1, recipe_named(name), [(np.arange(2000), rows)], {})
    publish(tmp_path, 2, FLAT, CONTENT, {})
    retire(tmp_path, keep=1)
    with pytest.raises(GenerationDamaged):
        open_generation(tmp_path, 1)
    np.testing.assert_array_equal(held.index.search(rows, 1).ids[:, 0], np.arange(2000))


def test_a_copied_folder_with_other_times_opens(tmp_path: Path) -> None:
    publish(tmp_path / "one", 1, FLAT, CONTENT, {})
    shutil.copytree(tmp_path / "one", tmp_path / "two", copy_function=shutil.copyfile)
    for file in (tmp_path / "two" / "000001").iterdir():
        os.utime(file, ns=(1, 1))
    assert open_generation(tmp_path / "two", 1).count == 6
    verify_generation(tmp_path / "two", 1)


def test_a_later_format_is_named(tmp_path: Path) -> None:
    publish(tmp_path, 1, FLAT, CONTENT, {})
    manifest = tmp_path / "000001" / "manifest.json"
    told = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**told, "format": 2}))
    with pytest.raises(GenerationDamaged, match="format 2, this clipsearch reads 1"):
        open_generation(tmp_path, 1)
