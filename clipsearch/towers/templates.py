"""The sentences into which a search puts short words, for the sake of a tower."""

from __future__ import annotations

from clipsearch.towers.pair import TowerPair

TEMPLATES = ("{a}", "a photo of {a}", "there is {a} in the picture")
"""`{a}` stands for the words with their article, `{}` for the bare ones."""


def templates_of(tower: TowerPair) -> tuple[str, ...]:
    """What the tower's own folder says; else ours for one that reads English alone, else none."""
    own: tuple[str, ...] | None = getattr(tower, "templates", None)
    if own is not None:
        return own
    return TEMPLATES if tuple(tower.languages) == ("en",) else ()
