"""Which recipe serves how many embeddings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from clipsearch.indexes import Recipe, choose_recipe, publish, recipe_named


def test_few_embeddings_get_a_flat_index() -> None:
    assert choose_recipe(0, 512) == choose_recipe(10_000, 512) == recipe_named("flat")


def test_many_embeddings_get_a_quantised_index() -> None:
    assert choose_recipe(100_000, 512) == choose_recipe(5_000_000, 768) == recipe_named("pq")


def test_a_width_that_codes_cannot_cut_gets_a_flat_index_however_many() -> None:
    assert choose_recipe(1_000_000, 510).kind == "flat"


@pytest.mark.parametrize("name", ["flat", "flat-fp32", "pq"])
def test_a_recipe_can_be_named(name: str) -> None:
    recipe = recipe_named(name)
    assert (recipe.kind, recipe.storage) == (
        name.split("-")[0],
        "fp32" if name.endswith("fp32") else "fp16",
    )


def test_another_name_is_refused_and_the_names_are_told() -> None:
    with pytest.raises(ValueError, match=r"no recipe 'hnsw'; there are flat, flat-fp32, pq"):
        recipe_named("hnsw")


@pytest.mark.parametrize(
    "numbers",
    [{"kind": "ivf"}, {"storage": "int8"}, {"candidates": 0}, {"candidate_share": 1.5}],
)
def test_a_recipe_that_cannot_be_is_refused(numbers: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="recipe"):
        Recipe(**numbers)  # type: ignore[arg-type]


def test_the_scored_again_grow_with_the_index_from_a_thousand_on() -> None:
    pq = recipe_named("pq")
    assert [pq.refined(n) for n in (500, 20_000, 100_000, 1_000_000)] == [500, 1000, 1000, 10_000]


def test_a_quantised_index_of_too_few_is_published_flat(tmp_path: Path) -> None:
    rows = np.eye(8, dtype=np.float32)
    held = publish(tmp_path, 1, recipe_named("pq"), [(np.arange(8), rows)], {})
    assert held.recipe.kind == held.index.kind == "flat"
