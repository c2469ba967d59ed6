"""Which tower a collection is worked on with: a pair at hand, one by name, or its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from clipsearch.errors import TowerMismatch, TowerMissing
from clipsearch.exchange_errors import EmbeddingsRefused, TowerUnnamed
from clipsearch.migration_errors import TowerOutdated
from clipsearch.towers import (
    TowerOptions,
    TowerPair,
    builtin_name,
    identity_named,
    is_builtin,
    is_claimed,
    load_towers,
    may_be_one,
    taken_for,
)
from clipsearch.values import TowerIdentity


@dataclass(frozen=True, slots=True)
class TowerChoice:
    """What the caller of a collection asked for; all None is the collection's own tower."""

    given: TowerPair | None = None
    model: str | None = None
    options: TowerOptions | None = None

    def begin(self, home: Path) -> TowerPair:
        """The tower of a new collection."""
        if self.given is not None:
            return self.given
        return load_towers(self.model or "builtin", home, self.options or TowerOptions())

    def go_on(self, collection: str, held: TowerIdentity, home: Path) -> TowerPair:
        """The tower of a collection that stands.

        Raises TowerMismatch unless it is the one that the collection was made with, and
        TowerOutdated for built-in towers of an earlier version.
        """
        tower = self.given or self._load(collection, held, home)
        if tower.identity == held:
            return tower
        if is_claimed(held) and may_be_one(tower.identity, held):
            return taken_for(tower, held)
        own = self.given is None and self.model is None
        if own and is_builtin(held.name) and tower.identity.precision == held.precision:
            raise TowerOutdated(collection, held, tower.identity.name)
        raise TowerMismatch(collection, held, tower.identity)

    def reference(self, tower: TowerPair, home: Path) -> TowerPair | None:
        """The same towers at fp32, to hold a lower precision against; None where it is that."""
        if self.given is not None or tower.identity.precision == "fp32":
            return None
        return load_towers(tower.identity.name, home, TowerOptions("fp32"))

    def _load(self, collection: str, held: TowerIdentity, home: Path) -> TowerPair:
        options = self.options or TowerOptions(held.precision)
        try:
            return load_towers(self.model or held.name, home, options)
        except TowerMissing:
            if self.model is not None or not is_builtin(held.name):
                raise
            raise TowerOutdated(collection, held, builtin_name()) from None


def said_tower(folder: Path, dim: int, named: str | None, home: Path) -> TowerIdentity:
    """Whose embeddings a folder holds: what it says itself, and what its user says.

    `dim` is how wide they are. Raises TowerUnnamed, TowerMismatch where the two differ,
    EmbeddingsRefused where that tower's are of another width.
    """
    from clipsearch.exchange import tower_of

    own = tower_of(folder)
    if own is None and named is None:
        raise TowerUnnamed(folder)
    asked = identity_named(named, dim, home) if named is not None else None
    if own is not None and asked is not None:
        refuse_other_tower(str(folder), own, asked)
    said = own or asked
    assert said is not None
    if said.dim != dim:
        detail = f"holds embeddings of {dim} numbers, and {said.name} makes {said.dim}"
        raise EmbeddingsRefused(folder, None, detail, "Name the tower that made them.")
    return said


def refuse_other_tower(collection: str, held: TowerIdentity, given: TowerIdentity) -> None:
    """Raise TowerMismatch unless the two can be one tower."""
    if not may_be_one(held, given):
        raise TowerMismatch(collection, held, given)
