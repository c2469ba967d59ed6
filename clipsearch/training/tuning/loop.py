"""The loop of training: seeded by epoch, measured, kept on disk, taken up where it stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from clipsearch.training.tuning.draw import Batch, Drawn, draw_epoch, parts_of, share_of
from clipsearch.training.tuning.layers import parameter_groups
from clipsearch.training.tuning.logs import Logs
from clipsearch.training.tuning.material import PictureSet
from clipsearch.training.tuning.memory import (
    Averaged,
    Reached,
    keep,
    learned_weights,
    optimiser_state,
    put_weights,
    recall,
    restore_optimiser,
)
from clipsearch.training.tuning.pace import part_of_rate
from clipsearch.training.tuning.processes import Processes
from clipsearch.training.tuning.run_folder import RunFolder
from clipsearch.training.tuning.scores import Scores
from clipsearch.training.tuning.step import Part, share_gradients
from clipsearch.training.tuning.trainee import Trainee, stacked
from clipsearch.training.tuning.views import random_view, read_ahead, whole_picture
from clipsearch.training_errors import EmptySplit, LossNotFinite
from clipsearch.values import Pixels, Skip

LONGEST_GRADIENT = 5.0
MOMENTUM = 0.9

Measure = Callable[[], Scores]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is. `scores` are those of dev, after an epoch."""

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    images_per_second: float
    left_out: int
    scores: Mapping[str, float] | None = None


Listener = Callable[[Progress], None]


@dataclass
class Loop:
    """A run: what is trained on what, where it is kept, and who hears of it."""

    trainee: Trainee
    train: PictureSet
    measure: Measure
    run: RunFolder
    processes: Processes
    listener: Listener
    threads: int = 2

    def __post_init__(self) -> None:
        self.settings = self.trainee.settings
        self.optimiser = _optimiser(self.trainee)
        named = [*self.trainee.model.named_parameters(), ("loss.bias", self.trainee.bias)]
        self.names = {id(each): name for name, each in reversed(named)}
        learned = learned_weights(self.trainee)
        averaged = {name: each for name, each in named if name in learned}
        self.averaged = Averaged(averaged, self.settings.ema)
        self.reached = Reached()
        self.skips: dict[Path, Skip] = {}

    def fit(self) -> Reached:
        """Train to the end, or until dev gets no better; the best weights are in `run.best`.

        Raises LossNotFinite, StorageFull; the checkpoint of the epoch before stands.
        """
        if self.run.last.exists():
            self._take_up()
        logs = Logs(self.run.path, self.reached.epoch) if self.processes.first else None
        if logs is not None and not self.reached.epoch:
            logs.epoch({"epoch": 0, "loss": float("nan"), **self.measure()})
        try:
            while not self._finished():
                self._train_epoch(logs)
        finally:
            if logs is not None:
                logs.close()
        return self.reached

    def _finished(self) -> bool:
        length, reached = self.settings.length, self.reached
        tired = length.patience and reached.epoch - reached.best_epoch >= length.patience
        return reached.epoch >= length.epochs or bool(tired)

    def _train_epoch(self, logs: Logs | None) -> None:
        """Go once over the pictures, measure, and write down how far the run came."""
        epoch = self.reached.epoch
        losses, left_out = [], self.reached.left_out
        for row in self._steps(epoch, self.trainee.open(epoch)):
            losses.append(row["loss"])
            if logs is not None:
                logs.step(row)
        missing = self.reached.left_out - left_out
        if missing == len(self.train.pictures):
            raise EmptySplit(self.train.source, "training", missing)
        reached = replace(self.reached, epoch=epoch + 1)
        scores: Scores = {}
        if self.processes.first:
            with self.averaged.in_place():
                scores = self.measure()
        score = self.processes.agree(scores.get("score", 0.0), self.trainee.device)
        better = score > reached.best
        if better:
            reached = replace(reached, best=score, best_epoch=epoch + 1)
        if logs is not None:
            self._keep(reached, better=better)
            loss = float(np.mean(losses)) if losses else float("nan")
            logs.epoch({"epoch": epoch + 1, "loss": loss, **scores})
            self.listener(self._progress(len(losses), len(losses), loss, 0.0, scores))
        self.reached = reached

    def _steps(self, epoch: int, parameters: Sequence[nn.Parameter]) -> Iterator[dict[str, float]]:
        """Take the steps of one epoch, a row about each."""
        length, random = self.settings.length, np.random.default_rng([self.settings.seed, epoch])
        captions = [each.captions for each in self.train.pictures]
        batches = draw_epoch(captions, length.batch, random)
        began = time.perf_counter()
        for at, (parts, missing) in enumerate(self._read(batches, epoch)):
            self._leave_out(missing)
            done = (epoch + at / len(batches)) / length.epochs
            rate = self._set_rates(part_of_rate(done + 1e-3, self.settings.pace.warmup))
            seed = _seed(self.settings.seed, epoch, at, self.processes.rank)
            self.optimiser.zero_grad()
            loss = share_gradients(self.trainee, parts, parameters, seed, self.processes)
            length_of_gradient = nn.utils.clip_grad_norm_(parameters, LONGEST_GRADIENT)
            if not bool(torch.isfinite(loss) & torch.isfinite(length_of_gradient)):
                raise LossNotFinite(epoch + 1, at + 1, self.run.path)
            self.optimiser.step()
            self.trainee.bound_scale()
            self.averaged.follow()
            self.reached = replace(self.reached, steps=self.reached.steps + 1)
            took, began = time.perf_counter() - began, time.perf_counter()
            speed = len(batches[at]) / took
            if self.processes.first:
                self.listener(self._progress(at + 1, len(batches), float(loss), speed, None))
            yield {
                "epoch": epoch + 1,
                "step": self.reached.steps,
                "loss": float(loss),
                "rate": rate,
                "scale": float(self.trainee.model.get_parameter("logit_scale").detach().exp()),
                "images_per_second": speed,
                "left_out": self.reached.left_out,
            }

    def _leave_out(self, missing: Sequence[Skip]) -> None:
        self.skips |= {each.path: each for each in missing}
        count = self.reached.left_out + self.processes.total(len(missing), self.trainee.device)
        self.reached = replace(self.reached, left_out=count)

    def _read(
        self, batches: Sequence[Batch], epoch: int
    ) -> Iterator[tuple[list[Part], list[Skip]]]:
        """This process's parts of each batch, and the pictures that cannot be read."""
        shares = [share_of(batch, self.processes.rank, self.processes.count) for batch in batches]

        def view(drawn: Drawn) -> Pixels | Skip:
            picture, prepared = (
                self.train.pictures[drawn.picture],
                self.trainee.loaded.preprocessing,
            )
            if not self.settings.augment:
                return whole_picture(picture, prepared)
            random = np.random.default_rng([self.settings.seed, epoch, drawn.picture])
            return random_view(picture, prepared, random)

        for share, views in zip(shares, read_ahead(shares, view, self.threads), strict=True):
            pairs = zip(share, views, strict=True)
            readable = [(drawn, found) for drawn, found in pairs if not isinstance(found, Skip)]
            missing = [found for found in views if isinstance(found, Skip)]
            yield self._parts(readable), missing

    def _parts(self, readable: Sequence[tuple[Drawn, Pixels]]) -> list[Part]:
        pixels = {drawn.picture: found for drawn, found in readable}
        parts = parts_of(tuple(drawn for drawn, _ in readable), self.settings.length.accumulate)
        return [
            Part(
                stacked([pixels[each.picture] for each in part]),
                self.trainee.tokens([each.caption for each in part]),
            )
            for part in parts
        ]

    def _set_rates(self, part: float) -> float:
        for group in self.optimiser.param_groups:
            group["lr"] = group["full_rate"] * part
        return self.settings.pace.rate * part

    def _progress(
        self, step: int, steps: int, loss: float, speed: float, scores: Scores | None
    ) -> Progress:
        epochs, left_out = self.settings.length.epochs, self.reached.left_out
        return Progress(self.reached.epoch + 1, epochs, step, steps, loss, speed, left_out, scores)

    def _keep(self, reached: Reached, *, better: bool) -> None:
        if better:
            with self.averaged.in_place():
                keep(self.run.best, learned_weights(self.trainee), reached)
        tensors = {f"weights.{name}": each for name, each in learned_weights(self.trainee).items()}
        tensors |= {f"averaged.{name}": each for name, each in self.averaged.weights.items()}
        tensors |= optimiser_state(self.optimiser, self.names)
        tensors["loss.bias"] = self.trainee.bias.detach()
        keep(self.run.last, tensors, reached)

    def _take_up(self) -> None:
        tensors, self.reached = recall(self.run.last)
        put_weights(self.trainee, _under("weights.", tensors))
        device = self.trainee.device
        self.averaged.weights = {
            name: each.to(device) for name, each in _under("averaged.", tensors).items()
        }
        self.averaged.steps = self.reached.steps
        self.trainee.bias.data.copy_(tensors["loss.bias"])
        self.trainee.bias_is_set = True
        restore_optimiser(self.optimiser, self.names, tensors)


def _seed(*numbers: int) -> int:
    """One seed from several numbers."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0]) % 2**62


def _optimiser(trainee: Trainee) -> torch.optim.Optimizer:
    pace = trainee.settings.pace
    groups = parameter_groups(trainee.layers, pace)
    groups.append(
        {
            "params": trainee.loss_parameters(),
            "lr": 0.0,
            "full_rate": pace.rate,
            "weight_decay": 0.0,
        }
    )
    if pace.optimiser == "sgd":
        return torch.optim.SGD([each for each in groups if each["params"]], momentum=MOMENTUM)
    return torch.optim.AdamW([each for each in groups if each["params"]])


def _under(prefix: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tensors whose names begin so, without the beginning."""
    return {
        name.removeprefix(prefix): each for name, each in tensors.items() if name.startswith(prefix)
    }
