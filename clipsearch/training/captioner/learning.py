"""The training itself: stages of epochs, each kept on disk when it is whole."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from clipsearch.measures.caption_words import caption_words
from clipsearch.training.captioner.decoder import CaptionDecoder
from clipsearch.training.captioner.exchanged import Exchange
from clipsearch.training.captioner.material import Material, memories
from clipsearch.training.captioner.packing import chosen_captions, packed, picture_batches
from clipsearch.training.captioner.rewards import Rewards
from clipsearch.training.captioner.settings import Settings, Stage
from clipsearch.training.captioner.writing import written
from clipsearch.training.tuning.logs import Logs
from clipsearch.training.tuning.memory import (
    Averaged,
    Reached,
    keep,
    optimiser_state,
    recall,
    restore_optimiser,
)
from clipsearch.training.tuning.run_folder import RunFolder
from clipsearch.training_errors import LossNotFinite

WARM = 200
DEV_BATCH = 50
AVERAGED = "averaged."
REWARD_PART = 0.3
"""How much of the delivered weights is from the rewards."""
EXCHANGED_PART = 0.3
"""What photos that are shown as others weigh beside the captioned pictures."""
Listener = Callable[[str, float, float], None]
"""Told of what is done, the part of the epoch that is done, and the loss or score."""


@dataclass
class Learner:
    """A decoder with all that its training needs to go on."""

    decoder: CaptionDecoder
    material: Material
    settings: Settings
    folder: RunFolder
    listener: Listener
    dev_pictures: int | None = None
    exchange: Exchange | None = None
    reached: Reached = field(default_factory=Reached)

    def __post_init__(self) -> None:
        self._named = dict(self.decoder.named_parameters())
        self._names = {id(each): name for name, each in self._named.items()}
        self._optimiser = torch.optim.AdamW(self._groups(), lr=0.0, betas=(0.9, 0.98), fused=True)
        self._averaged = Averaged(self._named, self.settings.ema)
        self._rewards: Rewards | None = None

    def learn(self) -> Reached:
        """Train all epochs that are left, and leave the best weights in the decoder.

        Where rewards made them better, they are mixed with the best before the rewards: those
        say more, these please the measure more (Wortsman et al., "Robust fine-tuning", 2022).
        Raises LossNotFinite, StorageFull, HomeUnwritable.
        """
        if self.folder.last.exists():
            self._recall()
        logs = Logs(self.folder.path, self.reached.epoch)
        epochs = list(self._epochs())
        for number in range(self.reached.epoch, len(epochs)):
            name, stage, within = epochs[number]
            began = time.monotonic()
            loss = self._epoch(number, name, stage, within)
            score = self.score()
            self._remember(number + 1, score, name)
            took = time.monotonic() - began
            logs.epoch({"epoch": number + 1, "loss": loss, "cider": score, "seconds": took})
            self.listener(f"{name}, dev CIDEr", 1.0, score)
        logs.close()
        if self.folder.best.exists():
            self._put(self._delivered())
        self.decoder.eval()
        return self.reached

    def score(self) -> float:
        """CIDEr-D of greedy captions of the dev pictures, by the averaged weights."""
        references = self.material.dev_references()
        every = len(self.material.dev_captions)
        count = min(self.dev_pictures or every, every)
        captions: list[str] = []
        self.decoder.eval()
        with self._averaged.in_place(), torch.no_grad():
            for start in range(0, count, DEV_BATCH):
                places = np.arange(start, min(start + DEV_BATCH, count))
                seen = memories(self.material.dev_sights, places, np.zeros_like(places))
                ids = written(self.decoder, self.decoder.memory(*seen))
                captions += self.material.spelled(ids)
        scores = [references.score(at, caption_words(text)) for at, text in enumerate(captions)]
        return float(np.mean(scores))

    def _epochs(self) -> Iterator[tuple[str, Stage, int]]:
        """Each epoch: what is learned, its stage, its number within the stage."""
        for name in ("sentences", "pictures", "rewards"):
            stage: Stage = getattr(self.settings, name)
            if name == "sentences" and not self.material.sentences:
                continue
            for within in range(stage.epochs):
                yield name, stage, within

    def _epoch(self, number: int, name: str, stage: Stage, within: int) -> float:
        """One pass over the sentences or pictures; the mean loss."""
        random = np.random.default_rng((self.settings.seed, number))
        torch.manual_seed(self.settings.seed * 1000 + number)
        self.decoder.train()
        items = self.material.sentences if name == "sentences" else self.material.captions
        batches = list(picture_batches(len(items), stage.batch, random))
        losses = {"sentences": self._of_sentences, "pictures": self._of_pictures,
                  "rewards": self._of_rewards}[name]  # fmt: skip
        total = 0.0
        for at, places in enumerate(batches):
            done = within * len(batches) + at
            rate = rate_at(done, stage.epochs * len(batches), stage.rate)
            loss = self._step(losses(places, random), rate, number + 1)
            total += loss
            self.listener(name, (at + 1) / len(batches), loss)
        return total / len(batches)

    def _step(self, loss: Tensor, rate: float, epoch: int) -> float:
        value = float(loss.detach())
        if not math.isfinite(value):
            raise LossNotFinite(epoch, self.reached.steps, self.folder.path)
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.decoder.parameters(), 1.0)
        self._optimiser.step()
        self._averaged.follow()
        self.reached = replace(self.reached, steps=self.reached.steps + 1)
        return value

    def _of_sentences(self, places: np.ndarray, random: np.random.Generator) -> Tensor:
        batch = packed([self.material.sentences[place] for place in places])
        memory = self.decoder.memory(self.material.sentences_heard().as_seen(places, random), None)
        logits = self.decoder(memory, batch)
        return cross_entropy(logits, batch.wanted, label_smoothing=self.settings.smoothing)

    def _of_pictures(self, places: np.ndarray, random: np.random.Generator) -> Tensor:
        views = random.integers(self.material.sights.views, size=len(places))
        memory = self.decoder.memory(*memories(self.material.sights, places, views))
        own = self.material.captions
        batch = packed(
            [
                ids
                for at in places
                for ids in chosen_captions(own[at], self.settings.captions, random)
            ]
        )
        logits = self.decoder(memory, batch)
        told = cross_entropy(logits, batch.wanted, label_smoothing=self.settings.smoothing)
        if self.exchange is None:
            return told
        return told + EXCHANGED_PART * self._of_exchanged(self.exchange, random)

    def _of_exchanged(self, exchange: Exchange, random: np.random.Generator) -> Tensor:
        seen, names = exchange.draw(self.material.sights, self.settings.exchanged, random)
        batch = packed(names)
        logits = self.decoder(self.decoder.memory(*seen), batch)
        return cross_entropy(logits, batch.wanted, label_smoothing=self.settings.smoothing)

    def _of_rewards(self, places: np.ndarray, random: np.random.Generator) -> Tensor:
        if self._rewards is None:
            self._rewards = Rewards(self.material)
        views = random.integers(self.material.sights.views, size=len(places))
        seen = memories(self.material.sights, places, views)
        seed = int(random.integers(1 << 40))
        return self._rewards.loss(self.decoder, places, seen, seed)

    def _groups(self) -> list[dict[str, object]]:
        """Matrices decay; biases, norms, positions and word embeddings do not."""
        decaying: list[nn.Parameter] = []
        free: list[nn.Parameter] = []
        for name, each in self.decoder.named_parameters():
            plain = each.ndim < 2 or "position" in name or name.startswith("words")
            (free if plain else decaying).append(each)
        return [
            {"params": decaying, "weight_decay": self.settings.decay},
            {"params": free, "weight_decay": 0.0},
        ]

    def _remember(self, epoch: int, score: float, name: str) -> None:
        """Keep the state to go on from, and the averaged weights if they are the best so far."""
        better = score > self.reached.best
        self.reached = replace(self.reached, epoch=epoch)
        if better:
            self.reached = replace(self.reached, best=score, best_epoch=epoch)
        averaged = self._averaged.weights or {k: v.detach() for k, v in self._named.items()}
        state = {own: each.detach() for own, each in self._named.items()}
        state |= {f"{AVERAGED}{own}": each for own, each in averaged.items()}
        state |= optimiser_state(self._optimiser, self._names)
        keep(self.folder.last, state, self.reached)
        if better:
            keep(self.folder.best, averaged, self.reached)
            if name != "rewards":
                keep(self._supervised, averaged, self.reached)

    @property
    def _supervised(self) -> Path:
        """The best weights before the rewards."""
        return self.folder.path / "supervised.safetensors"

    def _delivered(self) -> dict[str, Tensor]:
        best = recall(self.folder.best)[0]
        if not self.settings.rewards.epochs or not self._supervised.exists():
            return best
        before = recall(self._supervised)[0]
        return {name: each.lerp(best[name], REWARD_PART) for name, each in before.items()}

    def _recall(self) -> None:
        state, self.reached = recall(self.folder.last)
        self._put({name: state[name] for name in self._named})
        if self.settings.ema:
            self._averaged.weights = {name: state[f"{AVERAGED}{name}"] for name in self._named}
            self._averaged.steps = self.reached.steps
        restore_optimiser(self._optimiser, self._names, state)

    def _put(self, weights: dict[str, Tensor]) -> None:
        with torch.no_grad():
            for name, each in self._named.items():
                each.copy_(weights[name])


def rate_at(step: int, of: int, rate: float) -> float:
    """The learning rate of a step of a stage: up over 200 steps, down along half a cosine."""
    warm = min(1.0, (step + 1) / min(WARM, max(1, of // 4)))
    return rate * warm * 0.5 * (1 + math.cos(math.pi * step / of))
