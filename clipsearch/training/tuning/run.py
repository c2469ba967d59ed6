"""A whole run, guarded: measured before, trained, mixed with its start, measured, delivered."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import torch

from clipsearch.durable import write_durably
from clipsearch.errors import PrecisionRefused
from clipsearch.towers import TowerOptions, load_towers
from clipsearch.towers.torch_towers import best_device
from clipsearch.training.tuning.deliver import deliver
from clipsearch.training.tuning.logs import draw_curves
from clipsearch.training.tuning.loop import Listener, Loop
from clipsearch.training.tuning.material import (
    PictureSet,
    refuse_shared_pictures,
    require_pictures,
)
from clipsearch.training.tuning.memory import Reached, learned_weights, put_weights, recall
from clipsearch.training.tuning.mixing import (
    PARTS,
    Choice,
    Mixture,
    choose,
    measure_mixtures,
    mixed,
)
from clipsearch.training.tuning.processes import Processes, joined_processes, own_device
from clipsearch.training.tuning.run_folder import RunFolder
from clipsearch.training.tuning.scores import (
    Measurable,
    Scores,
    measurable,
    scores_of,
    scores_of_pair,
)
from clipsearch.training.tuning.settings import Settings
from clipsearch.training.tuning.start import Start, is_model_folder, load_start
from clipsearch.training.tuning.trainee import Trainee
from clipsearch.training_errors import ModelGotWorse, RunInTheWay
from clipsearch.values import Skip

REPORT = "report.json"


@dataclass(frozen=True)
class Sets:
    """What is trained on and what is measured on; `general` is to tell what was unlearned."""

    train: PictureSet
    dev: PictureSet
    general: PictureSet | None = None


@dataclass(frozen=True, slots=True)
class Leave:
    """What the user allows: to go on, to begin anew, to replace a model, even by a worse one."""

    resume: bool = False
    restart: bool = False
    replace: bool = False
    force: bool = False


@dataclass(frozen=True)
class Plan:
    """A run. `may_lose` points of the general score may be lost for a better one on dev."""

    model: str
    out: Path
    sets: Sets
    settings: Settings = field(default_factory=Settings)
    leave: Leave = field(default_factory=Leave)
    may_lose: float = 3.0
    threads: int = 2
    device: Literal["cpu", "cuda"] | None = None

    @property
    def run(self) -> RunFolder:
        """The folder of the run, beside the model."""
        return RunFolder(self.out.with_name(f"{self.out.name}.run"))


@dataclass(frozen=True)
class Outcome:
    """What came of it: every mixture measured, the one kept, and where."""

    plan: Plan
    mixtures: tuple[Mixture, ...]
    choice: Choice
    reached: Reached
    skips: tuple[Skip, ...]
    notes: tuple[str, ...] = ()

    @property
    def before(self) -> Mixture:
        """The start, measured."""
        return self.mixtures[0]

    def story(self) -> dict[str, Any]:
        """As plain values: what report.json and training.json hold."""
        sets = self.plan.sets
        named = {"train": sets.train, "dev": sets.dev, "general": sets.general}
        return {
            "model": self.plan.model,
            "settings": self.plan.settings.flat(),
            "data": {
                name: {"source": each.source, "pictures": len(each.pictures)}
                for name, each in named.items()
                if each is not None
            },
            "epochs": self.reached.epoch,
            "best_epoch": self.reached.best_epoch,
            "steps": self.reached.steps,
            "left_out_in_epochs": self.reached.left_out,
            "part_of_trained": self.choice.chosen.part,
            "before": _figures(self.before),
            "after": _figures(self.choice.chosen),
            "objection": self.choice.objection,
            "mixtures": [asdict(each) for each in self.mixtures],
        }


def tune(plan: Plan, listener: Listener) -> Outcome | None:
    """Run a plan to its end; None in all processes of `torchrun` but the first.

    Raises TrainingError, TowerError, StorageFull, HomeUnwritable. Whatever happens, a model that
    stands at `out` stays until a better one is whole.
    """
    device = own_device(plan.device or best_device())
    _refuse_what_cannot_be(plan, device)
    if device.startswith("cuda"):
        torch.backends.cudnn.deterministic = True
    with joined_processes(device) as processes, tempfile.TemporaryDirectory() as work:
        start = load_start(plan.model, Path(work), plan.settings.seed)
        if processes.first:
            leave = plan.leave
            facts = _facts(plan, start)
            plan.run.begin(facts, resume=leave.resume, restart=leave.restart)
        processes.agree(1.0, device)
        return _trained(plan, start, processes, listener, device)


def _trained(
    plan: Plan, start: Start, processes: Processes, listener: Listener, device: str
) -> Outcome | None:
    """Train by the plan, then choose, and deliver what was chosen."""
    trainee = Trainee(start.model, plan.settings, device, norms_learn=start.fresh)
    before = learned_weights(trainee)
    dev = measurable(plan.sets.dev, start.model.preprocessing, plan.threads)
    loop = Loop(
        trainee,
        plan.sets.train,
        lambda: scores_of(trainee, dev),
        plan.run,
        processes,
        listener,
        plan.threads,
    )
    reached = loop.fit()
    if not processes.first:
        return None
    draw_curves(plan.run.path)
    general = plan.sets.general and measurable(
        plan.sets.general, start.model.preprocessing, plan.threads
    )
    ends = before, recall(plan.run.best)[0]
    parts = (0.0, 1.0) if start.fresh else PARTS
    mixtures = tuple(measure_mixtures(trainee, ends, parts, dev, general or None))
    choice = choose(mixtures, plan.may_lose, _standing(plan, general or None))
    skips = (*plan.sets.train.left_out, *loop.skips.values())
    outcome = Outcome(plan, mixtures, choice, reached, skips)
    write_durably(plan.run.path / REPORT, (json.dumps(outcome.story(), indent=1) + "\n").encode())
    if choice.objection and not plan.leave.force:
        raise ModelGotWorse(plan.out, choice.objection)
    put_weights(trainee, mixed(*ends, choice.chosen.part))
    refused = deliver(start.model, plan.out.resolve(), outcome.story())
    notes = (f"it runs in torch, since its ONNX export was refused: {refused}",) if refused else ()
    return replace(outcome, notes=notes)


def _standing(plan: Plan, general: Measurable | None) -> Mixture | None:
    """How good the model is that would be replaced; None if it is the start, or there is none."""
    if not is_model_folder(plan.out):
        return None
    with tempfile.TemporaryDirectory() as home:
        towers = load_towers(f"local-dir:{plan.out}", Path(home), TowerOptions("fp32"))

        def scored(given: PictureSet) -> Scores:
            seen = measurable(given, towers.preprocessing, plan.threads)
            return scores_of_pair(towers, seen)

        both = general and plan.sets.general
        return Mixture(1.0, scored(plan.sets.dev), scored(both) if both else None)


def _refuse_what_cannot_be(plan: Plan, device: str) -> None:
    """What can be told before anything is loaded."""
    sets = plan.sets
    require_pictures(sets.train, "training")
    for each in (sets.dev, sets.general):
        if each is not None:
            require_pictures(each, "measuring")
            refuse_shared_pictures(sets.train, each)
    if is_model_folder(plan.out):
        if not plan.leave.replace:
            way = "replace it with `--replace`, if the new one is no worse"
            raise RunInTheWay(plan.out, f"holds a model already: {way}")
    elif plan.out.exists() and (not plan.out.is_dir() or any(plan.out.iterdir())):
        raise RunInTheWay(plan.out, "is there already and is no model: name another `--out`")
    if plan.settings.precision == "bf16" and not _has_bf16(device):
        told = "this GPU has no bf16" if device != "cpu" else "this CPU has no bf16 instructions"
        raise PrecisionRefused(plan.model, "bf16", told)


def _has_bf16(device: str) -> bool:
    """Whether the hardware multiplies bfloat16; torch would imitate it, slowly."""
    if device.startswith("cuda"):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    told = (getattr(torch.cpu, name, None) for name in _BF16_TESTS)
    return any(bool(test()) for test in told if test is not None)


_BF16_TESTS = ("_is_avx512_bf16_supported", "_is_amx_tile_supported", "_is_arm_bf16_supported")


def _facts(plan: Plan, start: Start) -> dict[str, Any]:
    """All that a run must have in common with the one it goes on with."""
    sets = plan.sets
    return {
        **plan.settings.flat(),
        "model": start.name,
        "model's weights": start.digest,
        "train": sets.train.digest(),
        "dev": sets.dev.digest(),
    }


def _figures(mixture: Mixture) -> dict[str, Any]:
    return {"dev": mixture.dev, "general": mixture.general}
