"""Fine-tunes a vision-encoder-decoder of transformers on captioned pictures."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from PIL import Image
from torch import Tensor

from clipsearch.captioning_errors import CaptionerUnusable
from clipsearch.durable import named_disk_errors, sync_file, sync_folder
from clipsearch.errors import UnreadableQueryImage
from clipsearch.images import decode_picture
from clipsearch.training.captioner.learning import Listener, rate_at
from clipsearch.training.tuning.logs import Logs
from clipsearch.training.tuning.material import (
    Pictured,
    PictureSet,
    refuse_shared_pictures,
    require_pictures,
)
from clipsearch.training.tuning.memory import (
    Reached,
    keep,
    optimiser_state,
    recall,
    restore_optimiser,
)
from clipsearch.training.tuning.run_folder import RunFolder
from clipsearch.training_errors import LossNotFinite
from clipsearch.values import Preprocessing

KIND = "vision-encoder-decoder"
LONGEST = 40
"""Tokens of a caption that is learned; the rest is cut off."""
_SETTINGS = "config.json"

_library: Any = transformers  # half of it is typed
# pictures as captioners see them: whole, for the model's own processor
_SEEN = Preprocessing.whole(1024)


@dataclass(frozen=True)
class TuningPlan:
    """A fine-tuning: from which model (a folder, or a name on the hub), on what, to where.

    `rate` is the learning rate, `restart` begins anew where a run stands; otherwise one with the
    same settings and data is gone on with.
    """

    start: str
    out: Path
    train: PictureSet
    dev: PictureSet
    epochs: int = 3
    batch: int = 16
    rate: float = 5e-5
    seed: int = 0
    restart: bool = False
    threads: int = 2

    @property
    def run(self) -> RunFolder:
        """The folder of the run, beside the captioner."""
        return RunFolder(self.out.with_name(f"{self.out.name}.run"))


def fine_tune(plan: TuningPlan, listener: Listener) -> Reached:
    """Train by cross entropy and write the model with the least dev loss to `out`.

    `Reached.best` is the negated dev loss, in nats a token. Stopped, it goes on from the last
    whole epoch. Raises CaptionerUnusable, TrainingError, StorageFull, HomeUnwritable.
    """
    require_pictures(plan.train, "training")
    require_pictures(plan.dev, "measuring")
    refuse_shared_pictures(plan.train, plan.dev)
    torch.set_num_threads(plan.threads)
    tuner = _Tuner(plan, listener)
    stands = (plan.run.path / "settings.json").is_file()
    plan.run.begin(tuner.facts(), resume=stands and not plan.restart, restart=plan.restart)
    reached = tuner.learn()
    _write(tuner, plan.out)
    return reached


@dataclass
class _Tuner:
    """A model with all that its training needs to go on."""

    plan: TuningPlan
    listener: Listener
    reached: Reached = field(default_factory=Reached)

    def __post_init__(self) -> None:
        self.model, self.images, self.words = _opened(self.plan.start)
        self._named = dict(self.model.named_parameters())
        self._names = {id(each): name for name, each in self._named.items()}
        self._optimiser = torch.optim.AdamW(self._named.values(), lr=0.0, weight_decay=0.01)

    def facts(self) -> dict[str, Any]:
        """What a run must have in common with the one that it goes on with."""
        plan = self.plan
        given = {name: getattr(plan, name) for name in ("start", "epochs", "batch", "rate", "seed")}
        return {**given, "train": plan.train.digest(), "dev": plan.dev.digest()}

    def learn(self) -> Reached:
        """Train all epochs that are left, and leave the best weights in the model."""
        folder = self.plan.run
        if folder.last.exists():
            state, self.reached = recall(folder.last)
            self._put(state)
            restore_optimiser(self._optimiser, self._names, state)
        logs = Logs(folder.path, self.reached.epoch)
        for epoch in range(self.reached.epoch, self.plan.epochs):
            began = time.monotonic()
            loss, dev_loss = self._epoch(epoch), self.dev_loss()
            self._remember(epoch + 1, -dev_loss)
            took = time.monotonic() - began
            logs.epoch({"epoch": epoch + 1, "loss": loss, "dev_loss": dev_loss, "seconds": took})
            self.listener("dev loss", 1.0, dev_loss)
        logs.close()
        self._put(recall(folder.best)[0])
        return self.reached

    def dev_loss(self) -> float:
        """The mean cross entropy of a token of the dev captions."""
        self.model.eval()
        total, tokens = 0.0, 0
        with torch.inference_mode():
            for some in _parts(self._dev_pairs, self.plan.batch):
                pixels, labels = self._batch(some)
                count = int((labels >= 0).sum())
                total += float(self.model(pixel_values=pixels, labels=labels).loss) * count
                tokens += count
        return total / max(tokens, 1)

    @cached_property
    def _dev_pairs(self) -> list[tuple[Pictured, str]]:
        return [(each, text) for each in self.plan.dev.pictures for text in each.captions]

    def _epoch(self, epoch: int) -> float:
        """One pass over the pictures, each with one of its captions; the mean loss."""
        plan = self.plan
        random = np.random.default_rng((plan.seed, epoch))
        torch.manual_seed(plan.seed * 1000 + epoch)
        self.model.train()
        order = [plan.train.pictures[at] for at in random.permutation(len(plan.train.pictures))]
        pairs = [(each, each.captions[random.integers(len(each.captions))]) for each in order]
        batches = list(_parts(pairs, plan.batch))
        total = 0.0
        for at, some in enumerate(batches):
            done = epoch * len(batches) + at
            rate = rate_at(done, plan.epochs * len(batches), plan.rate)
            total += self._step(some, rate, epoch + 1)
            self.listener("pictures", (at + 1) / len(batches), total / (at + 1))
        return total / len(batches)

    def _step(self, pairs: Sequence[tuple[Pictured, str]], rate: float, epoch: int) -> float:
        pixels, labels = self._batch(pairs)
        loss = self.model(pixel_values=pixels, labels=labels).loss
        value = float(loss.detach())
        if not math.isfinite(value):
            raise LossNotFinite(epoch, self.reached.steps, self.plan.run.path)
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        self._optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self._optimiser.step()
        self.reached = replace(self.reached, steps=self.reached.steps + 1)
        return value

    def _batch(self, pairs: Sequence[tuple[Pictured, str]]) -> tuple[Tensor, Tensor]:
        """Pictures as the model takes them, and captions [n, tokens] padded by -100."""
        seen = [decode_picture(picture.read(), _SEEN).pixels for picture, _ in pairs]
        pixels = self.images([Image.fromarray(each) for each in seen], return_tensors="pt")
        end = self.model.config.eos_token_id or self.words.eos_token_id
        ids = [
            [*self.words(text, add_special_tokens=False)["input_ids"][: LONGEST - 1], end]
            for _, text in pairs
        ]
        rows = [torch.tensor(each) for each in ids]
        labels = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=-100)
        return pixels["pixel_values"], labels

    def _remember(self, epoch: int, score: float) -> None:
        """Keep the state to go on from, and the weights if they are the best so far."""
        self.reached = replace(self.reached, epoch=epoch)
        better = score > self.reached.best
        if better:
            self.reached = replace(self.reached, best=score, best_epoch=epoch)
        weights = {name: each.detach() for name, each in self._named.items()}
        if better:
            keep(self.plan.run.best, weights, self.reached)
        state = {**weights, **optimiser_state(self._optimiser, self._names)}
        keep(self.plan.run.last, state, self.reached)

    def _put(self, weights: dict[str, Tensor]) -> None:
        with torch.no_grad():
            for name, each in self._named.items():
                each.copy_(weights[name])


def readable(given: PictureSet) -> PictureSet:
    """The set without pictures that cannot be decoded."""
    return replace(given, pictures=tuple(filter(_is_readable, given.pictures)))


def _is_readable(picture: Pictured) -> bool:
    try:
        decode_picture(picture.read(), Preprocessing.whole(8))
    except (UnreadableQueryImage, OSError):
        return False
    return True


def _opened(start: str) -> tuple[Any, Any, Any]:
    """The model in float32, its image processor and its tokenizer. Raises CaptionerUnusable."""
    place = str(Path(start).expanduser()) if Path(start).expanduser().is_dir() else start
    try:
        kind = _library.AutoConfig.from_pretrained(place, trust_remote_code=False).model_type
        if kind == KIND:
            load = partial(_library.VisionEncoderDecoderModel.from_pretrained, place)
            return (
                load(dtype=torch.float32),
                _library.AutoImageProcessor.from_pretrained(place, trust_remote_code=False),
                _library.AutoTokenizer.from_pretrained(place, trust_remote_code=False),
            )
    except Exception as error:  # transformers raises what it likes
        raise CaptionerUnusable.because(f"hf:{start}", error) from error
    raise CaptionerUnusable(f"hf:{start}", f"it is a {kind}, and only {KIND} is fine-tuned here")


def _write(tuner: _Tuner, out: Path) -> None:
    """Write the folder that `--captioner hf:DIR` takes.

    An older captioner's config.json goes first and ours comes last: what is interrupted between
    is no captioner, rather than the settings of one beside the weights of another.
    """
    unfinished = tuner.plan.run.path / "finished"
    with named_disk_errors(out):
        for part in (tuner.images, tuner.words, tuner.model):
            part.save_pretrained(unfinished)
        out.mkdir(parents=True, exist_ok=True)
        (out / _SETTINGS).unlink(missing_ok=True)
        sync_folder(out)
        for each in sorted(unfinished.iterdir(), key=lambda each: each.name == _SETTINGS):
            sync_file(each)
            each.replace(out / each.name)
        sync_folder(out)
        unfinished.rmdir()


def _parts(
    pairs: Sequence[tuple[Pictured, str]], size: int
) -> Iterator[Sequence[tuple[Pictured, str]]]:
    for start in range(0, len(pairs), size):
        yield pairs[start : start + size]
