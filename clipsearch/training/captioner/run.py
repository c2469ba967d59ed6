"""A whole training of the captioner: looked, learned, exported, calibrated, described."""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer

from clipsearch.captions.plain_words import plain
from clipsearch.durable import write_durably
from clipsearch.towers.builtin import BUILTIN_FOLDER
from clipsearch.towers.folder import read_tower_folder
from clipsearch.towers.grid import GridTower
from clipsearch.training.captioner.decoder import CaptionDecoder, Shape
from clipsearch.training.captioner.exchanged import Exchange, class_sentences, exchange
from clipsearch.training.captioner.export import export_decoder
from clipsearch.training.captioner.heard import heard
from clipsearch.training.captioner.learning import Learner, Listener
from clipsearch.training.captioner.material import Material, caption_ids, read_sentences
from clipsearch.training.captioner.settings import Settings
from clipsearch.training.captioner.sights import cached_sights
from clipsearch.training.captioner.starting_words import starting_words
from clipsearch.training.captioner.vocabulary import LONGEST, learn_vocabulary, token_ids
from clipsearch.training.heads import IMAGE_RANK
from clipsearch.training.tuning.material import (
    PictureSet,
    refuse_shared_pictures,
    require_pictures,
    together,
)
from clipsearch.training.tuning.memory import Reached
from clipsearch.training.tuning.run_folder import RunFolder

LOOK, STEP, WORDS = "captioner.look.onnx", "captioner.step.onnx", "captioner.words.json"
DESCRIPTION = "captioner.json"
FORMAT = 1
LONGEST_LEARNED = 40


@dataclass(frozen=True)
class Plan:
    """A training: pictures to learn from and to measure on, where it goes.

    `also` are further pictures to learn from, with captions of their own kind, and `also_dev` such
    by which, beside `dev`, the confidence is calibrated. `sentences` is a
    table of captions without pictures; `class_names` names the classes of the built-in tower, as
    which photos of one class are also shown. `restart` begins anew where a run stands; otherwise
    one with the same settings and data is gone on with. Of the dev pictures `dev_pictures` are
    measured on after each epoch.
    """

    name: str
    out: Path
    train: PictureSet
    dev: PictureSet
    also: tuple[PictureSet, ...] = ()
    also_dev: tuple[PictureSet, ...] = ()
    sentences: Path | None = None
    class_names: Path | None = None
    settings: Settings = field(default_factory=Settings)
    tower: Path = BUILTIN_FOLDER
    dev_pictures: int | None = None
    restart: bool = False
    threads: int = 2

    @cached_property
    def taught(self) -> PictureSet:
        """All pictures to learn from."""
        return together((self.train, *self.also))

    @property
    def run(self) -> RunFolder:
        """The folder of the run, beside the captioner."""
        return RunFolder(self.out.with_name(f"{self.out.name}.run"))


def train_captioner(plan: Plan, listener: Listener) -> Reached:
    """Train by the plan and write the captioner, uncalibrated, to `out`; how far it came.

    Stopped, it goes on from the last whole epoch. Raises TrainingError, SourceUnreadable,
    StorageFull, HomeUnwritable.
    """
    for each in (plan.train, *plan.also):
        require_pictures(each, "training")
    require_pictures(plan.dev, "measuring")
    for measured in (plan.dev, *plan.also_dev):
        refuse_shared_pictures(plan.taught, measured)
    torch.set_num_threads(plan.threads)
    tower = GridTower(read_tower_folder(plan.tower), plan.threads)
    sentences = read_sentences(plan.sentences) if plan.sentences else []
    names = class_sentences(plan.class_names) if plan.class_names else []
    _begin(plan, tower, sentences, names)
    tokenizer = _vocabulary(plan, sentences)
    material = _material(plan, tower, tokenizer, sentences, listener)
    learner = Learner(
        _fresh(plan.settings, tokenizer, material),
        material,
        plan.settings,
        plan.run,
        listener,
        plan.dev_pictures,
        _exchange(plan, material, names),
    )
    reached = learner.learn()
    plan.out.mkdir(parents=True, exist_ok=True)
    export_decoder(learner.decoder, plan.out / LOOK, plan.out / STEP)
    write_durably(plan.out / WORDS, (plan.run.path / WORDS).read_bytes())
    describe(plan.out, {**_facts(plan, tower, reached), **_classes(names)})
    return reached


def describe(out: Path, facts: Mapping[str, Any]) -> None:
    """Write captioner.json, last: what it is, its files by their digests."""
    files = {
        name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name in (LOOK, STEP, WORDS)
        if (content := (out / name).read_bytes())
    }
    described = {"format": FORMAT, **facts, "files": files}
    write_durably(out / DESCRIPTION, (json.dumps(described, indent=2) + "\n").encode())


def _begin(plan: Plan, tower: GridTower, sentences: Sequence[str], names: Sequence[str]) -> None:
    """Make the run's folder, or hold a run that stands against this plan."""
    facts = {
        **plan.settings.flat(),
        "tower": tower.digest,
        "train": plan.taught.digest(),
        "dev": plan.dev.digest(),
        "sentences": _digest(sentences),
        "class_names": _digest(names),
    }
    stands = (plan.run.path / "settings.json").is_file()
    plan.run.begin(facts, resume=stands and not plan.restart, restart=plan.restart)


def _digest(texts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def _vocabulary(plan: Plan, sentences: Sequence[str]) -> Tokenizer:
    path = plan.run.path / WORDS
    if not path.exists():
        own = [plain(text) for each in plan.taught.pictures for text in each.captions]
        learned = learn_vocabulary([*own, *sentences], plan.settings.vocabulary)
        write_durably(path, learned.to_str().encode())
    return Tokenizer.from_file(str(path))


def _material(
    plan: Plan,
    tower: GridTower,
    tokenizer: Tokenizer,
    sentences: Sequence[str],
    listener: Listener,
) -> Material:
    kept = plan.run.path / "cache"

    def look(done: int, of: int) -> None:
        listener("looking at pictures", done / of, float("nan"))

    def hear(done: int, of: int) -> None:
        listener("embedding sentences", done / of, float("nan"))

    sights = cached_sights(tower, plan.taught.pictures, plan.settings.views, kept, look)
    folder = read_tower_folder(plan.tower)
    seen = sights.embeddings[0]
    return Material(
        tokenizer,
        sights,
        caption_ids(tokenizer, plan.taught.pictures, LONGEST_LEARNED),
        cached_sights(tower, plan.dev.pictures, 1, kept, look),
        [list(each.captions) for each in plan.dev.pictures],
        list(token_ids(tokenizer, sentences, LONGEST_LEARNED)),
        cache(lambda: heard(folder, sentences, seen, kept, plan.threads, hear)),
    )


def _exchange(plan: Plan, material: Material, names: Sequence[str]) -> Exchange | None:
    if not names:
        return None
    pictures = plan.taught.pictures
    return exchange(names, plan.tower, pictures, material.sights, material.tokenizer)


def _fresh(settings: Settings, tokenizer: Tokenizer, material: Material) -> CaptionDecoder:
    """A decoder that has learned nothing but how words resemble each other."""
    torch.manual_seed(settings.seed)
    _, places, channels = material.sights.places[0].shape
    shape = Shape(
        tokenizer.get_vocab_size(),
        channels,
        places,
        material.sights.embeddings[0].shape[-1],
        settings.width,
        settings.layers,
        inner=4 * settings.width,
        longest=LONGEST_LEARNED,
        dropout=settings.dropout,
    )
    decoder = CaptionDecoder(shape)
    with torch.no_grad():
        decoder.words.weight.copy_(starting_words(tokenizer, settings.width))
    return decoder


def _facts(plan: Plan, tower: GridTower, reached: Reached) -> dict[str, Any]:
    return {
        "name": plan.name,
        "tower": {"name": tower.name, "image_sha256": tower.digest},
        "longest": LONGEST,
        "calibration": {"bias": 0.0, "weights": [1.0, 0.0, 0.0, 0.0]},
        "trained": {
            "settings": plan.settings.flat(),
            "data": _sources(plan),
            "pictures": len(plan.taught.pictures),
            "epochs": reached.epoch,
            "best_epoch": reached.best_epoch,
            "dev_cider_greedy": round(reached.best, 4),
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        },
    }


def _classes(names: Sequence[str]) -> dict[str, Any]:
    """What the tower's head detects, where the decoder was taught the names of it."""
    return {"classes": {"first": IMAGE_RANK, "sentences": list(names)}} if names else {}


def _sources(plan: Plan) -> list[str]:
    """The names of what was learned from, without the folders of whoever trained."""
    names = [Path(each.source).name for each in (plan.train, *plan.also)]
    return [*names, *(each.name for each in (plan.sentences, plan.class_names) if each)]
