"""Mixtures of the trained weights with those of the start, and the choice among them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from clipsearch.training.tuning.memory import Weights, put_weights
from clipsearch.training.tuning.scores import Measurable, Scores, scores_of
from clipsearch.training.tuning.trainee import Trainee

PARTS = tuple(at / 10 for at in range(11))


@dataclass(frozen=True, slots=True)
class Mixture:
    """How good the model is with this part of the trained weights (0: the start, 1: all)."""

    part: float
    dev: Scores
    general: Scores | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """The mixture to keep, and why it is no better than what it would replace (None: it is)."""

    chosen: Mixture
    objection: str | None


def mixed(start: Mapping[str, Tensor], trained: Mapping[str, Tensor], part: float) -> Weights:
    """(1 - part) x start + part x trained, number by number (WiSE-FT, Wortsman et al. 2022)."""
    return {
        name: start[name].lerp(each, part) if each.is_floating_point() else each
        for name, each in trained.items()
    }


def measure_mixtures(
    trainee: Trainee,
    ends: tuple[Weights, Weights],
    parts: Sequence[float],
    dev: Measurable,
    general: Measurable | None,
) -> Iterator[Mixture]:
    """Measure mixtures of start and trained, one of each part; the model is left in the last."""
    for part in parts:
        put_weights(trainee, mixed(*ends, part))
        found = scores_of(trainee, dev)
        yield Mixture(part, found, scores_of(trainee, general) if general else None)


def choose(mixtures: Sequence[Mixture], may_lose: float, standing: Mixture | None) -> Choice:
    """The best on dev among those that lose at most `may_lose` points on the general set.

    The scores are means of R@1, R@5 and R@10 both ways, in percent. Among equals on dev the
    better on the general set is taken, then the nearer to the start. `standing` is the model
    that would be replaced, where it is not the start. The start itself is no choice: if nothing
    is better, the best of the others is given with an objection.
    """
    start, others = mixtures[0], mixtures[1:]
    floor = _general(start) - may_lose
    harmless = [each for each in others if _general(each) >= floor]
    pool = harmless or others
    chosen = max(pool, key=lambda each: (each.dev["score"], _general(each), -each.part))
    rivals = {"the start": start} | ({"the model that stands there": standing} if standing else {})
    for name, rival in rivals.items():
        if chosen.dev["score"] < rival.dev["score"] or (
            rival is start and chosen.dev["score"] == start.dev["score"]
        ):
            told = f"{chosen.dev['score']:.1f} on dev, {name} has {rival.dev['score']:.1f}"
            return Choice(chosen, f"the best mixture reaches {told}")
        if _general(chosen) < _general(rival) - may_lose:
            told = f"{_general(rival):.1f} to {_general(chosen):.1f}"
            return Choice(chosen, f"the general score falls from {told} ({name})")
    return Choice(chosen, None)


def _general(mixture: Mixture) -> float:
    return mixture.general["score"] if mixture.general else 0.0
