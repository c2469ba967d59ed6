"""Zero-shot classification: which class name fits a picture best?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from clipsearch.evaluation.embedding import OnStep, embed_texts
from clipsearch.evaluation.labels import Classes
from clipsearch.evaluation.retrieval import cosines
from clipsearch.evaluation_errors import NothingToMeasure
from clipsearch.measures import right_ranks
from clipsearch.towers import TowerPair
from clipsearch.values import Embeddings


def classify(
    images: Embeddings, labels: Sequence[str], classes: Embeddings, names: Classes
) -> dict[str, float]:
    """Measure top-1, top-5 and the mean recall of the classes, in CLIP_benchmark's names.

    `images` [n, d], `classes` [c, d]. Pictures of no known class are left out and counted.
    Raises NothingToMeasure.
    """
    known = np.array([name.casefold() for name in names.names])
    wanted = np.array([label.casefold() for label in labels])
    right = wanted[:, None] == known[None, :]
    has_class = right.any(axis=1)
    if not has_class.any():
        raise NothingToMeasure(labels[0], "no picture's label is the name of a class")
    ranks = right_ranks(cosines(images, classes), right).best()
    return {
        "acc1": float(np.mean(ranks <= 1)),
        "acc5": float(np.mean(ranks <= 5)),
        "mean_per_class_recall": _mean_per_class(ranks <= 1, wanted[has_class]),
        "pictures_of_no_class": float(np.sum(~has_class)),
    }


def embed_classes(
    names: Classes, templates: Sequence[str], tower: TowerPair, on_step: OnStep
) -> Embeddings:
    """Average each class over the templates, of unit length (Radford et al. 2021, 3.1.4)."""
    total = sum(
        embed_texts(names.sentences(template), tower, on_step).astype(np.float64)
        for template in templates
    )
    rows = np.asarray(total)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def _mean_per_class(hits: NDArray[np.bool_], labels: NDArray[np.str_]) -> float:
    return float(np.mean([hits[labels == label].mean() for label in np.unique(labels)]))
