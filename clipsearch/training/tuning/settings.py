"""Everything that decides how a run goes, as values: equal settings and data, equal weights."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

LossName = Literal["clip", "siglip", "hinge", "hinge-hardest"]


@dataclass(frozen=True, slots=True)
class Goal:
    """What is made small: the loss, and the margin in cosine that the hinges want."""

    loss: LossName = "clip"
    margin: float = 0.2


@dataclass(frozen=True, slots=True)
class Locks:
    """How much of each tower is trained, in layers counted from the embedding down.

    None is all of it, 0 a locked tower (LiT, Zhai et al. 2022). With `gradual`, one layer of
    each tower is open at first and one more every `gradual` epochs (Howard & Ruder 2018).
    """

    image: int | None = None
    text: int | None = None
    gradual: int = 0


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast weights move.

    `rate` is that of the layers nearest the embedding; each layer below learns at `layer_decay`
    times the rate of the one above it. The rate rises over the share `warmup` of the run and
    then falls along half a cosine to nothing.
    """

    rate: float = 1e-4
    optimiser: Literal["adamw", "sgd"] = "adamw"
    decay: float = 0.1
    layer_decay: float = 0.8
    warmup: float = 0.1


@dataclass(frozen=True, slots=True)
class Length:
    """How long: at most `epochs`; `patience` epochs without a better dev score end it (0: never).

    `batch` pictures are each other's negatives, over all processes; they are computed in
    `accumulate` parts, which changes the memory and not the loss.
    """

    epochs: int = 12
    batch: int = 64
    accumulate: int = 1
    patience: int = 4


@dataclass(frozen=True, slots=True)
class Settings:
    """A whole run."""

    goal: Goal = Goal()
    locks: Locks = Locks()
    pace: Pace = Pace()
    length: Length = Length()
    precision: Literal["fp32", "bf16"] = "fp32"
    augment: bool = True
    ema: float = 0.0
    seed: int = 0

    def flat(self) -> dict[str, Any]:
        """Every setting by its name, as it is kept and compared."""
        found: dict[str, Any] = {}
        for each in fields(self):
            value = getattr(self, each.name)
            found |= asdict(value) if hasattr(value, "__dataclass_fields__") else {each.name: value}
        return found
