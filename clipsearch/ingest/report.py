"""What an ingestion is told, what it tells while it works, and what it says at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from clipsearch.images import DecodeLimits
from clipsearch.values import Skip


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """How folders are taken in.

    `exclude` are globs on names and on paths relative to the root; None keeps those that were
    given for the root before. `hidden` takes in names that begin with a dot, or not; None keeps
    what was said for the root before, and takes in none of a new root. `prune` drops what lies
    under roots that are missing or suddenly empty, too. `batch` images are embedded and
    committed at once: what a crash may cost. `captions` are tables (.csv, .tsv, .jsonl) that name
    pictures relative to their own folder; they are remembered, and read again when they change.
    """

    exclude: tuple[str, ...] | None = None
    prune: bool = False
    hidden: bool | None = None
    workers: int | None = None
    batch: int = 32
    limits: DecodeLimits = field(default_factory=DecodeLimits)
    captions: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the work is; `total` is None while files are still being found."""

    phase: Literal[
        "checking the precision",
        "finding files",
        "embedding",
        "importing",
        "reading captions",
        "embedding captions",
        "indexing",
        "sketching",
        "searching",
        "comparing",
        "captioning",
        "asking",
    ]
    done: int
    total: int | None
    failed: int = 0

    @property
    def unit(self) -> str:
        """What is counted."""
        units = {
            "reading captions": "files",
            "embedding captions": "captions",
            "comparing": "pairs",
            "asking": "questions",
        }
        return units.get(self.phase, "images")


OnProgress = Callable[[Progress], None]


def silent(_: Progress) -> None:
    """Nobody listens."""


@dataclass(slots=True)
class IngestReport:
    """What an ingestion did, in files.

    `failed` are all images under the roots that are left out now, `newly_failed` those of them
    that no earlier run left out for the same reason. `missing` and `emptied` are roots under
    which nothing was dropped because they are gone or suddenly hold no image; `unlistable` are
    folders that could not be read, under which nothing was dropped either. `notes` count what
    was tolerated, `raws` cameras' raw files that were not read. `captions_failed` are the files
    of captions, and the lines of tables, that were read now and could not be used.
    """

    added: int = 0
    updated: int = 0
    moved: int = 0
    removed: int = 0
    unchanged: int = 0
    embedded: int = 0
    symlinks: int = 0
    raws: int = 0
    captions_added: int = 0
    captions_removed: int = 0
    captions_failed: tuple[Skip, ...] = ()
    seconds: float = 0.0
    failed: tuple[Skip, ...] = ()
    newly_failed: tuple[Skip, ...] = ()
    missing: tuple[Path, ...] = ()
    emptied: tuple[Path, ...] = ()
    unlistable: tuple[Path, ...] = ()
    notes: Counter[str] = field(default_factory=Counter)

    @property
    def readable(self) -> int:
        """How many files under the roots hold an image that can be found now."""
        return self.added + self.updated + self.moved + self.unchanged

    @property
    def images_per_second(self) -> float:
        """Images embedded a second of the whole run; 0 when none was."""
        return self.embedded / self.seconds if self.seconds > 0 else 0.0
