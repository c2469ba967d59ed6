"""How an index is made, and which way serves how many embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["flat", "pq"]
Storage = Literal["fp16", "fp32"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How an index is made.

    `flat` reads every stored embedding. `pq` reads 4-bit codes of 4 dimensions each (fast-scan
    product quantisation: André, Kermarrec, Le Scouarnec 2015), then scores the best
    max(`candidates`, n x `candidate_share`) again from the stored embeddings. Its code book is
    trained on `training_rows` rows drawn with `seed`.
    """

    kind: Kind = "flat"
    storage: Storage = "fp16"
    candidates: int = 1000
    candidate_share: float = 0.01
    training_rows: int = 4096
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in ("flat", "pq") or self.storage not in ("fp16", "fp32"):
            raise ValueError(f"no such recipe: {self.kind!r} with {self.storage!r}")
        if self.candidates < 1 or not 0 <= self.candidate_share <= 1 or self.training_rows < 1:
            raise ValueError(f"a recipe's numbers do not serve: {self}")

    def refined(self, count: int) -> int:
        """Return how many of `count` embeddings a `pq` index scores again for a query."""
        return min(count, max(self.candidates, int(count * self.candidate_share)))


NAMED = {
    "flat": Recipe("flat", "fp16"),
    "flat-fp32": Recipe("flat", "fp32"),
    "pq": Recipe("pq", "fp16"),
}
"""The recipes a user can name."""

FLAT_UP_TO = 30_000
"""Where `pq` begins to pay (docs/indexes.md has the measurement)."""


_CODE_BOOK = 16


def recipe_named(name: str) -> Recipe:
    """Return the recipe of that name (`NAMED`); raises ValueError for another."""
    try:
        return NAMED[name]
    except KeyError:
        raise ValueError(f"no recipe {name!r}; there are {', '.join(NAMED)}") from None


def choose_recipe(n: int, dim: int) -> Recipe:
    """Return what serves `n` embeddings of width `dim` best: flat while small, then pq.

    Raises ValueError for negative `n` or for `dim` < 1.
    """
    if n < 0 or dim < 1:
        raise ValueError(f"no index holds {n} embeddings of width {dim}")
    return fitting(NAMED["flat"] if n <= FLAT_UP_TO else NAMED["pq"], n, dim)


def fitting(recipe: Recipe, n: int, dim: int) -> Recipe:
    """Return the recipe, or its flat form where `pq` cannot serve.

    Codes take 4 dimensions each, so `dim` must be a multiple of 4 (every common tower's is);
    and where all rows would be scored again anyway, codes only cost. A code book of 16 entries
    needs more rows than that to learn from.
    """
    if recipe.kind == "pq" and (dim % 4 or n <= max(recipe.candidates, _CODE_BOOK)):
        return Recipe("flat", recipe.storage)
    return recipe
