"""What a run remembers on disk: weights, the optimiser's moments, how far it came."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from clipsearch.durable import named_disk_errors
from clipsearch.errors import StorageFull
from clipsearch.training.checkpoints import NotACheckpoint, load_checkpoint, save_checkpoint
from clipsearch.training.tuning.trainee import Trainee
from clipsearch.training_errors import RunInTheWay

Weights = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a run came: epochs done, the best dev score and its epoch, pictures left out."""

    epoch: int = 0
    best: float = float("-inf")
    best_epoch: int = 0
    left_out: int = 0
    steps: int = 0

    def facts(self) -> dict[str, float]:
        """As numbers by name."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def learned_weights(trainee: Trainee) -> Weights:
    """A copy of all that training may change, by name; statistics of norms if they learn."""
    state = trainee.model.state_dict()
    locks = trainee.settings.locks
    limits = {"image": locks.image, "text": locks.text}
    kept = {
        id(each)
        for layer in trainee.layers
        if (limit := limits[layer.side]) is None or layer.depth < limit
        for each in layer.parameters
    } | {id(each) for each in trainee.loss_parameters()}
    names = {name for name, each in trainee.model.named_parameters() if id(each) in kept}
    if trainee.norms_learn:
        names |= dict(trainee.model.named_buffers()).keys() & state.keys()
    return {name: state[name].detach().cpu().clone() for name in sorted(names)}


def put_weights(trainee: Trainee, weights: Mapping[str, Tensor]) -> None:
    """Put weights by name into the model."""
    state = trainee.model.state_dict()
    with torch.no_grad():
        for name, each in weights.items():
            state[name].copy_(each)


class Averaged:
    """The exponential moving average of the weights: what is measured and kept, if `decay`.

    The decay begins small, so that the start is soon forgotten: min(decay, (1 + n) / (10 + n)).
    """

    def __init__(self, parameters: Mapping[str, nn.Parameter], decay: float) -> None:
        self.decay, self.steps = decay, 0
        self._parameters = dict(parameters) if decay else {}
        self.weights = {name: each.detach().clone() for name, each in self._parameters.items()}

    @torch.no_grad()
    def follow(self) -> None:
        """Go a step towards the weights."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        for name, each in self._parameters.items():
            self.weights[name].lerp_(each, 1 - decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The model with averaged weights, inside the block."""
        own = {name: each.detach().clone() for name, each in self._parameters.items()}
        self._put(self.weights)
        try:
            yield
        finally:
            self._put(own)

    @torch.no_grad()
    def _put(self, weights: Weights) -> None:
        for name, each in self._parameters.items():
            each.copy_(weights[name])


def keep(path: Path, tensors: Mapping[str, Tensor], reached: Reached) -> None:
    """Write a checkpoint, whole or not at all: the one before stands until then.

    Raises StorageFull or HomeUnwritable.
    """
    try:
        with named_disk_errors(path):
            save_checkpoint(path, tensors, reached.facts())
    except SafetensorError as error:  # it tells of the system's errors in words
        if "No space left" in str(error) or "quota" in str(error).lower():
            raise StorageFull(path) from error
        raise


def recall(path: Path) -> tuple[Weights, Reached]:
    """Read a checkpoint. Raises RunInTheWay for a file that is none."""
    try:
        tensors, facts = load_checkpoint(path)
    except NotACheckpoint as error:
        detail = "is damaged or no checkpoint: begin anew with `--restart`"
        raise RunInTheWay(path, detail) from error
    whole = {name: int(value) for name, value in facts.items() if name != "best"}
    return tensors, replace(Reached(), best=facts["best"], **whole)


def optimiser_state(
    optimiser: torch.optim.Optimizer, names: Mapping[int, str]
) -> dict[str, Tensor]:
    """Moments and step counts, by the names of the parameters (`names` by their id)."""
    return {
        f"optimiser.{names[id(each)]}:{what}": torch.as_tensor(value)
        for each, state in optimiser.state.items()
        for what, value in state.items()
        if value is not None
    }


def restore_optimiser(
    optimiser: torch.optim.Optimizer, names: Mapping[int, str], tensors: Mapping[str, Tensor]
) -> None:
    """Take over what `optimiser_state` gave."""
    parameters = {
        names[id(each)]: each for group in optimiser.param_groups for each in group["params"]
    }
    for key, value in tensors.items():
        if key.startswith("optimiser."):
            name, what = key.removeprefix("optimiser.").rsplit(":", 1)
            each = parameters[name]
            on_device = value if what == "step" else value.to(each.device)
            optimiser.state[each][what] = on_device
