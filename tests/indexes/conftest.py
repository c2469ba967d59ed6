"""Embeddings and published indexes for the tests: small, seeded and real files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from clipsearch.indexes import Generation, Recipe, publish, recipe_named
from clipsearch.values import Embeddings, Ids

MakeRows = Callable[[int, int], Embeddings]
MakeIndex = Callable[[Ids, Embeddings], Generation]


@pytest.fixture
def make_rows() -> MakeRows:
    """(n, d) -> random rows of about unit length, the same each time, exact in fp16.

    So every storage holds them exactly, and one oracle serves all.
    """

    def make(n: int, d: int) -> Embeddings:
        rows = np.random.default_rng(20).standard_normal((n, d), dtype=np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return rows.astype(np.float16).astype(np.float32)

    return make


@pytest.fixture(params=["flat", "flat-fp32", "pq"])
def name(request: pytest.FixtureRequest) -> str:
    """The name of every recipe, one after the other."""
    return str(request.param)


@pytest.fixture
def make_index(name: str, tmp_path: Path) -> MakeIndex:
    """(ids, embeddings) -> a generation of the recipe `name`.

    `pq` scores all rows but one again: its logic is tested here, its approximation elsewhere.
    """
    numbers: Iterator[int] = iter(range(1, 1000))

    def make(ids: Ids, embeddings: Embeddings) -> Generation:
        recipe = recipe_named(name)
        if recipe.kind == "pq":
            recipe = Recipe("pq", candidates=max(len(ids) - 1, 1))
        return publish(tmp_path / "gen", next(numbers), recipe, [(ids, embeddings)], {})

    return make
