"""Drawing the batches of an epoch: in none stands a picture twice, nor a caption."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture by its place in the set, with one of its captions."""

    picture: int
    caption: str


Batch = tuple[Drawn, ...]


def draw_epoch(
    captions: Sequence[Sequence[str]], size: int, random: np.random.Generator
) -> list[Batch]:
    """Deal all pictures, each with a caption by lot, into batches of at most `size`.

    What stands in one batch is each other's negatives. So pictures of one caption ("a photo of
    a lemon") are dealt to different batches, and where a caption has more pictures than there
    would be batches, there are more and smaller ones.
    """
    drawn = [Drawn(at, str(random.choice(own))) for at, own in enumerate(captions)]
    alike = Counter(_told(each.caption) for each in drawn)
    steps = max(-(-len(drawn) // size), max(alike.values(), default=0))
    lot = dict(zip(alike, random.permutation(len(alike)).tolist(), strict=True))
    within = random.permutation(len(drawn))
    # Pictures of one caption lie side by side, so dealing them like cards parts them.
    hand = sorted(drawn, key=lambda each: (lot[_told(each.caption)], within[each.picture]))
    batches = [tuple(hand[first::steps]) for first in range(steps)]
    return [batches[at] for at in random.permutation(steps)]


def share_of(batch: Batch, rank: int, processes: int) -> Batch:
    """The part of a batch that one of several processes computes."""
    return batch[rank * len(batch) // processes : (rank + 1) * len(batch) // processes]


def parts_of(batch: Batch, count: int) -> list[Batch]:
    """A share in `count` parts of nearly one size, none empty."""
    parts = [share_of(batch, at, count) for at in range(count)]
    return [part for part in parts if part]


def _told(caption: str) -> str:
    """A caption as two are compared: without case and blanks."""
    return " ".join(caption.casefold().split())
