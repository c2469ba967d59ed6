"""Towers of which only the name is known, because another program embedded with them.

Such a collection keeps what was said: a name and a width, and no digest. Whoever asks it in
words brings the tower of that name; that it is the very one nobody can check.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from clipsearch.errors import TowerMissing
from clipsearch.settings import tower_cache
from clipsearch.towers.builtin import is_builtin
from clipsearch.towers.loading import load_towers
from clipsearch.towers.pair import TowerPair
from clipsearch.values import Embeddings, Pixels, Preprocessing, TowerIdentity

CLAIMED = "unverified"
"""Stands in the place of a digest."""


def identity_named(name: str, dim: int, home: Path) -> TowerIdentity:
    """Whose embeddings of `dim` numbers are said to be those of a tower.

    The built-in towers and those kept under `home` are known by their digest; of every other
    the name alone is, in the spelling that we keep. Nothing is fetched and no torch is loaded.
    Raises TowerMissing for a built-in tower of another version.
    """
    from clipsearch.towers.folder import is_tower_folder
    from clipsearch.towers.kept import kept_folder

    if is_builtin(name):
        return load_towers(name, home).identity
    spelling = _spelling(name)
    if is_tower_folder(kept_folder(tower_cache(home), spelling)):
        return load_towers(spelling, home).identity
    return TowerIdentity(spelling, dim, "fp32", CLAIMED)


def is_claimed(identity: TowerIdentity) -> bool:
    """Whether only the name of a tower is known."""
    return identity.digest == CLAIMED


def may_be_one(one: TowerIdentity, other: TowerIdentity) -> bool:
    """Whether two identities can be of one tower: equal, or a claim and what bears its name."""
    if is_claimed(one) or is_claimed(other):
        return (_spelling(one.name), one.dim) == (_spelling(other.name), other.dim)
    return one == other


def taken_for(tower: TowerPair, claim: TowerIdentity) -> TowerPair:
    """A tower pair under the identity of a claim that it may fulfil."""
    return _TakenFor(tower, claim)


class _TakenFor:
    """A tower pair that answers to another identity."""

    def __init__(self, tower: TowerPair, identity: TowerIdentity) -> None:
        self._tower = tower
        self.identity = identity

    @property
    def preprocessing(self) -> Preprocessing:
        return self._tower.preprocessing

    @property
    def logit_scale(self) -> float:
        return self._tower.logit_scale

    @property
    def languages(self) -> tuple[str, ...]:
        return self._tower.languages

    @property
    def notes(self) -> tuple[str, ...]:
        return self._tower.notes

    def embed_images(self, pixels: Pixels) -> Embeddings:
        return self._tower.embed_images(pixels)

    def embed_texts(self, texts: Sequence[str]) -> Embeddings:
        return self._tower.embed_texts(texts)

    def prepare(self) -> None:
        self._tower.prepare()

    def __getattr__(self, name: str) -> Any:
        # what some towers have beside the protocol: templates, or where a text is in a picture
        return getattr(self._tower, name)


def _spelling(name: str) -> str:
    """A name as we keep it; one that nobody here knows stays as it is."""
    from clipsearch.towers.names import parse_tower_name

    try:
        return str(parse_tower_name(name))
    except TowerMissing:
        return name
