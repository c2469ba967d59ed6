"""What is found: files that show the same, in groups, each with the file to keep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from clipsearch.images import DecodeLimits
from clipsearch.values import Skip


class Tier(StrEnum):
    """How alike the files of a group are."""

    EXACT = "exact"
    """The same bytes, or bytes that decode to the same pixels."""
    COPY = "copy"
    """One picture, encoded anew, resized, cropped a little, framed, turned or mirrored."""
    LOOKALIKE = "lookalike"
    """Pictures of the same thing from another moment or place, or with something changed."""


EVERY_TIER = tuple(Tier)


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A file of a group, compared with the file that is kept.

    `score` is the cosine of the two embeddings. `difference` is that of the two pictures laid
    over each other where they differ most, in parts of the contrast there; None where they were
    not compared so. `turned` says that one was turned or mirrored.
    """

    path: Path
    image_id: int
    width: int
    height: int
    bytes: int
    score: float = 1.0
    difference: float | None = 0.0
    turned: bool = False


@dataclass(frozen=True, slots=True)
class DuplicateGroup:
    """Files that show the same: the one to keep, and the others.

    Kept is the one with the most pixels; of equally many, one whose metadata name a camera or
    the time it was taken, then the oldest, then the one with the most bytes. Each other file
    was compared with that one itself. A file stands among the others of one group at most.
    """

    tier: Tier
    kept: Duplicate
    others: tuple[Duplicate, ...]


@dataclass(frozen=True, slots=True)
class Duplicates:
    """The groups, tier by tier, and the files that could not be compared."""

    groups: tuple[DuplicateGroup, ...]
    unread: tuple[Skip, ...] = ()


@dataclass(frozen=True, slots=True)
class DuplicateOptions:
    """What counts as what, and how it is looked for.

    `under` are files or folders; only files there are grouped. `most_difference` is the greatest
    `Duplicate.difference` of a copy, `least_score` the least cosine of look-alikes (it depends
    on the tower: docs/dedupe.md; pictures with the same layout need 0.16 less). `batch`
    sketches are committed at once.
    """

    tiers: Sequence[Tier] = EVERY_TIER
    under: Sequence[Path] = ()
    most_difference: float = 0.5
    least_score: float = 0.96
    workers: int | None = None
    batch: int = 256
    limits: DecodeLimits = field(default_factory=DecodeLimits)
