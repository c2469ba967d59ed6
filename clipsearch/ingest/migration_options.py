"""How a collection is taken over to another tower."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from clipsearch.images import DecodeLimits, Picture
from clipsearch.towers import TowerPair
from clipsearch.values import Image


@dataclass(frozen=True, slots=True)
class MigrationOptions:
    """How a collection is taken over.

    `drop_missing` takes out the images that cannot be read again, with their captions and
    metadata; else they stop the switch. `supply` gives the pictures of images that are no files
    (None: it has none). `reference` is the same tower at fp32, to hold a lower precision
    against. `batch` images are embedded and committed at once.
    """

    drop_missing: bool = False
    supply: Callable[[Image], Picture | None] | None = None
    reference: TowerPair | None = None
    workers: int | None = None
    batch: int = 32
    limits: DecodeLimits = field(default_factory=DecodeLimits)
