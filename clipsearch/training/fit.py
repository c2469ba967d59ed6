"""The loop of training: seeded by epoch, measured, kept on disk, taken up where it stopped."""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from clipsearch.training.batches import Draw
from clipsearch.training.checkpoints import load_checkpoint, save_checkpoint
from clipsearch.training.heads import Heads
from clipsearch.training.lessons import Lessons
from clipsearch.training.sight import Sight

LOG = logging.getLogger(__name__)
PHOTOS_A_STEP = 128
WARM_STEPS = 30
LONGEST_GRADIENT = 5.0

Measure = Callable[[], Mapping[str, float]]


@dataclass(frozen=True)
class Schedule:
    """How long, how fast and in what portions; `trunk_rate` is for what is not a head."""

    stage: str
    epochs: int
    batch: int
    rate: float
    trunk_rate: float
    decay: float
    measure_every: int


@dataclass(frozen=True)
class Photos:
    """Pictures of known class: their places in the sight, and their classes."""

    places: NDArray[np.int64]
    classes: NDArray[np.int64]

    def draw(self, random: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Give places and classes of some photos."""
        chosen = random.permutation(len(self.places))[:PHOTOS_A_STEP]
        return self.places[chosen], self.classes[chosen]


@dataclass(frozen=True)
class Trainee:
    """What is trained: the heads, perhaps the last stages, and how they see and learn."""

    heads: Heads
    half: nn.Module | None
    sight: Sight
    captions_of: tuple[int, ...]
    lessons: Lessons
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


def fit(trainee: Trainee, schedule: Schedule, measure: Measure, folder: Path, seed: int) -> float:
    """Train by the schedule and leave the trainee in its best measured state; give its score.

    `measure` gives named numbers with a `score`; the best score is kept (early stopping). Each
    epoch draws from a generator of its own, seeded by seed, stage and epoch, so that a run
    taken up again goes on as if it had not stopped.
    """
    optimiser = _optimiser(trainee, schedule)
    last, best = folder / f"{schedule.stage}.last", folder / f"{schedule.stage}.best"
    begun, score = _take_up(trainee, optimiser, last)
    for epoch in range(begun, schedule.epochs):
        _train_epoch(trainee, optimiser, schedule, epoch, seed)
        if (epoch + 1) % schedule.measure_every and epoch + 1 < schedule.epochs:
            continue
        found = measure()
        LOG.info("%s epoch %d: %s", schedule.stage, epoch + 1, dict(found))
        if found["score"] > score:
            score = found["score"]
            save_checkpoint(best, trainee.tensors(), found)
        state = {**trainee.tensors(), **_optimiser_state(optimiser)}
        save_checkpoint(last, state, {"epoch": epoch + 1, "score": score})
    trainee.restore(load_checkpoint(best)[0])
    return score


def _train_epoch(
    trainee: Trainee, optimiser: torch.optim.AdamW, schedule: Schedule, epoch: int, seed: int
) -> None:
    """Go once over the pictures."""
    random = np.random.default_rng([seed, *schedule.stage.encode(), epoch])
    torch.manual_seed(int(random.integers(0, 2**62)))  # dropout draws from torch's own
    draw = Draw(trainee.captions_of, trainee.sight.views, schedule.batch)
    trainee.heads.train()
    for place, loss in enumerate(_losses(trainee, draw, random)):
        step = epoch * draw.batches_an_epoch() + place
        _set_rates(optimiser, schedule, step / (schedule.epochs * draw.batches_an_epoch()), step)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(_trained(optimiser), LONGEST_GRADIENT)
        optimiser.step()


def _losses(trainee: Trainee, draw: Draw, random: np.random.Generator) -> Iterator[Tensor]:
    """Yield the loss of each batch of one epoch."""
    for batch in draw.epoch(random):
        places, classes = trainee.photos.draw(random)
        views = np.concatenate([batch.views, random.integers(0, draw.views, len(places))])
        pooled = trainee.sight.pooled(np.concatenate([batch.pictures, places]), views)
        yield trainee.lessons.loss(trainee.heads, batch, classes, pooled, random)


def _optimiser(trainee: Trainee, schedule: Schedule) -> torch.optim.AdamW:
    """Give AdamW: decay on the heads' matrices, a rate of its own and no decay on the rest."""
    matrices = [each for each in trainee.heads.parameters() if each.ndim == 2]
    others = [each for each in trainee.heads.parameters() if each.ndim != 2]
    groups = [
        {"params": matrices, "lr": schedule.rate, "weight_decay": schedule.decay},
        {"params": others, "lr": schedule.rate, "weight_decay": 0.0},
    ]
    if trainee.half is not None:
        convolutions = [each for each in trainee.half.parameters() if each.requires_grad]
        groups.append({"params": convolutions, "lr": schedule.trunk_rate, "weight_decay": 0.0})
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


def _take_up(trainee: Trainee, optimiser: torch.optim.AdamW, last: Path) -> tuple[int, float]:
    """Restore the last state, if there is one; give the epoch to go on with, and the score."""
    if not last.exists():
        return 0, -np.inf
    tensors, facts = load_checkpoint(last)
    trainee.restore(tensors)
    for place, each in enumerate(_trained(optimiser)):
        start = f"adamw.{place}."
        mine = {k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)}
        optimiser.state[each].update(mine)
    return int(facts["epoch"]), facts["score"]
