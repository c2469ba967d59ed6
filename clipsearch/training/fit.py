"""The loop of training: seeded by epoch, measured, kept on disk, taken up where it stopped."""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from clipsearch.training.batches import Draw
from clipsearch.training.checkpoints import load_checkpoint, save_checkpoint
from clipsearch.training.lessons import Shown
from clipsearch.training.sight import Sight

LOG = logging.getLogger(__name__)
WARM_STEPS = 30

HeadsT = TypeVar("HeadsT", bound=nn.Module)
HeadsT_contra = TypeVar("HeadsT_contra", bound=nn.Module, contravariant=True)
Measure = Callable[[], Mapping[str, float]]


@dataclass(frozen=True)
class Schedule:
    """How long, how fast and in what portions.

    `batch` captioned pictures and `photos` of known class a step. `trunk_rate` and `trunk_decay`
    are for what is not a head. No gradient is longer than `longest_gradient`, that of the heads
    and that of the rest each by itself: a convolution's would drown a head's.
    """

    stage: str
    epochs: int
    batch: int
    rate: float
    decay: float
    trunk_rate: float = 0.0
    trunk_decay: float = 0.0
    photos: int = 128
    longest_gradient: float = 5.0
    measure_every: int = 1


@dataclass(frozen=True)
class Photos:
    """Pictures of known class: their places in the sight, and their classes."""

    places: NDArray[np.int64]
    classes: NDArray[np.int64]

    def draw(
        self, count: int, random: np.random.Generator
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Give places and classes of at most `count` photos."""
        chosen = random.permutation(len(self.places))[:count]
        return self.places[chosen], self.classes[chosen]


class Lesson(Protocol[HeadsT_contra]):
    """What heads are taught in one step."""

    def loss(self, heads: HeadsT_contra, shown: Shown, random: np.random.Generator) -> Tensor:
        """Give the loss of one step."""


@dataclass(frozen=True)
class Trainee(Generic[HeadsT]):
    """What is trained: the heads, perhaps the last stages, and how they see and learn."""

    heads: HeadsT
    half: nn.Module | None
    sight: Sight
    captions_of: tuple[int, ...]
    lessons: Lesson[HeadsT]
    photos: Photos

    def modules(self) -> dict[str, nn.Module]:
        """Give the trained modules by name."""
        halves = {} if self.half is None else {"half": self.half}
        return {"heads": self.heads, **halves}

    def tensors(self) -> dict[str, Tensor]:
        """Give all state by name."""
        parts = self.modules().items()
        return {f"{name}.{k}": v for name, each in parts for k, v in each.state_dict().items()}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Take state over from a checkpoint."""
        for name, each in self.modules().items():
            start = f"{name}."
            mine = {k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)}
            each.load_state_dict(mine)


def fit(
    trainee: Trainee[HeadsT], schedule: Schedule, measure: Measure, folder: Path, seed: int
) -> None:
    """Train by the schedule to its end; the rate ends at nothing, so the last state is the one.

    `measure` gives named numbers, which are logged. Each epoch draws from a generator of its
    own, seeded by seed, stage and epoch, so that a run taken up again goes on as if it had not
    stopped.
    """
    optimiser = _optimiser(trainee, schedule)
    last = folder / f"{schedule.stage}.last"
    for epoch in range(_take_up(trainee, optimiser, last), schedule.epochs):
        _train_epoch(trainee, optimiser, schedule, epoch, seed)
        if (epoch + 1) % schedule.measure_every and epoch + 1 < schedule.epochs:
            continue
        LOG.info("%s epoch %d: %s", schedule.stage, epoch + 1, dict(measure()))
        state = {**trainee.tensors(), **_optimiser_state(optimiser)}
        save_checkpoint(last, state, {"epoch": epoch + 1})


def _train_epoch(
    trainee: Trainee[HeadsT],
    optimiser: torch.optim.AdamW,
    schedule: Schedule,
    epoch: int,
    seed: int,
) -> None:
    """Go once over the pictures."""
    random = np.random.default_rng([seed, *schedule.stage.encode(), epoch])
    torch.manual_seed(int(random.integers(0, 2**62)))  # dropout draws from torch's own
    draw = Draw(trainee.captions_of, trainee.sight.views, schedule.batch)
    trainee.heads.train()
    for place, loss in enumerate(_losses(trainee, draw, schedule.photos, random)):
        step = epoch * draw.batches_an_epoch() + place
        _set_rates(optimiser, schedule, step / (schedule.epochs * draw.batches_an_epoch()), step)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        for each in trainee.modules().values():
            nn.utils.clip_grad_norm_(each.parameters(), schedule.longest_gradient)
        optimiser.step()


def _losses(
    trainee: Trainee[HeadsT], draw: Draw, photos: int, random: np.random.Generator
) -> Iterator[Tensor]:
    """Yield the loss of each batch of one epoch."""
    for batch in draw.epoch(random):
        places, classes = trainee.photos.draw(photos, random)
        views = np.concatenate([batch.views, random.integers(0, draw.views, len(places))])
        pictures = np.concatenate([batch.pictures, places])
        pooled = trainee.sight.pooled(pictures, views)
        shown = Shown(batch, classes, pictures, views, pooled)
        yield trainee.lessons.loss(trainee.heads, shown, random)


def _optimiser(trainee: Trainee[HeadsT], schedule: Schedule) -> torch.optim.AdamW:
    """Give AdamW: decay on the heads' matrices, rate and decay of their own for convolutions."""
    matrices = [each for each in trainee.heads.parameters() if each.ndim == 2]
    others = [each for each in trainee.heads.parameters() if each.ndim != 2]
    groups = [
        {"params": matrices, "lr": schedule.rate, "weight_decay": schedule.decay},
        {"params": others, "lr": schedule.rate, "weight_decay": 0.0},
    ]
    if trainee.half is not None:
        convolutions = [each for each in trainee.half.parameters() if each.requires_grad]
        rate, decay = schedule.trunk_rate, schedule.trunk_decay
        groups.append({"params": convolutions, "lr": rate, "weight_decay": decay})
    for group in groups:
        group["full_rate"] = group["lr"]
    return torch.optim.AdamW(groups)


def _set_rates(optimiser: torch.optim.AdamW, schedule: Schedule, done: float, step: int) -> None:
    """Warm up for a few steps, then follow half a cosine down to nothing."""
    part = min(1.0, (step + 1) / WARM_STEPS) * (0.5 + 0.5 * float(np.cos(np.pi * done)))
    for group in optimiser.param_groups:
        group["lr"] = group["full_rate"] * part


def _trained(optimiser: torch.optim.AdamW) -> list[nn.Parameter]:
    """Give all that the optimiser changes."""
    return [each for group in optimiser.param_groups for each in group["params"]]


def _optimiser_state(optimiser: torch.optim.AdamW) -> dict[str, Tensor]:
    """Give the moments and step counts by place of the parameter."""
    return {
        f"adamw.{place}.{name}": value
        for place, each in enumerate(_trained(optimiser))
        for name, value in optimiser.state[each].items()
    }


def _take_up(trainee: Trainee[HeadsT], optimiser: torch.optim.AdamW, last: Path) -> int:
    """Restore the last state, if there is one; give the epoch to go on with."""
    if not last.exists():
        return 0
    tensors, facts = load_checkpoint(last)
    trainee.restore(tensors)
    for place, each in enumerate(_trained(optimiser)):
        start = f"adamw.{place}."
        mine = {k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)}
        optimiser.state[each].update(mine)
    return int(facts["epoch"])
