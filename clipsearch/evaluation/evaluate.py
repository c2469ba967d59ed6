"""Measures one tower on one set at all tasks that are asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from clipsearch.captions import CaptionedSet
from clipsearch.evaluation.agreement import agreement
from clipsearch.evaluation.bias import bias, members_by_words
from clipsearch.evaluation.classify import classify, embed_classes
from clipsearch.evaluation.distortions import distortions
from clipsearch.evaluation.embedding import (
    PLAIN,
    Distort,
    EmbeddedSet,
    OnStep,
    embed_set,
    embed_texts,
)
from clipsearch.evaluation.labels import TEMPLATES, Classes, classes_of, label_of
from clipsearch.evaluation.result import Result
from clipsearch.evaluation.retrieval import retrieval
from clipsearch.evaluation.similar import similar
from clipsearch.towers import TowerPair
from clipsearch.values import Precision

TASKS = ("retrieval", "classify", "similar", "agreement", "robustness", "bias")
NEUTRAL = ("a person", "a person at work", "a person playing")
TOP = 20


@dataclass(frozen=True, slots=True)
class Tasks:
    """What is measured, and with what.

    `attacks` are further distortions, made with the tower's own gradient. `groups` gives the
    words of each group of the bias probe, `neutral` its queries.
    """

    names: Sequence[str] = ("retrieval",)
    templates: Sequence[str] = TEMPLATES
    classes: Classes | None = None
    by_folder: bool = False
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)
    neutral: Sequence[str] = NEUTRAL
    attacks: Mapping[str, Distort] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """The results of a tower, with the embeddings that they were taken of."""

    model: str
    precision: Precision
    results: tuple[Result, ...]
    embedded: EmbeddedSet

    @property
    def name(self) -> str:
        """The tower by name, with its precision where that is a lower one."""
        return self.model if self.precision == "fp32" else f"{self.model} {self.precision}"


def evaluate(tower: TowerPair, data: CaptionedSet, tasks: Tasks, on_step: OnStep) -> Evaluation:
    """Measure a tower. Raises NothingToMeasure, UnreadableScript."""
    ways = {**distortions(), **tasks.attacks} if "robustness" in tasks.names else {}
    embedded = embed_set(data, tower, ways, on_step)
    model, precision = tower.identity.name, tower.identity.precision
    results = [
        Result(data.source, model, task, metrics, condition)
        for task in tasks.names
        for condition, metrics in _measured(task, tower, embedded, tasks, on_step).items()
    ]
    return Evaluation(model, precision, tuple(results), embedded)


def _measured(
    task: str, tower: TowerPair, embedded: EmbeddedSet, tasks: Tasks, on_step: OnStep
) -> dict[str, dict[str, float]]:
    """The metrics of one task, by condition."""
    images = embedded.images[PLAIN]
    if task == "retrieval":
        return {"": retrieval(images, embedded.captions, embedded.owner)}
    if task == "robustness":
        return {
            name: retrieval(rows, embedded.captions, embedded.owner)
            for name, rows in embedded.images.items()
        }
    if task == "agreement":
        return {"": agreement(images, embedded.captions)}
    if task == "bias":
        members = members_by_words(embedded.pictures, tasks.groups)
        asked = embed_texts(tasks.neutral, tower, on_step)
        return {
            query: bias(images, row, members, TOP)
            for query, row in zip(tasks.neutral, asked, strict=True)
        }
    labelled = embedded.pictures if tasks.by_folder else embedded.pictures[: embedded.captioned]
    labels = [label_of(each, by_folder=tasks.by_folder) for each in labelled]
    images = images[: len(labels)]
    if task == "similar":
        return {"": similar(images, labels)}
    names = tasks.classes or classes_of(labels)
    classes = embed_classes(names, tasks.templates, tower, on_step)
    return {"": classify(images, labels, classes, names)}
