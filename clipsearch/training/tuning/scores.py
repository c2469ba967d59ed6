"""How well a pair of towers finds the pictures of a set by their captions, and the reverse."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from clipsearch.measures import hit_at, right_class_ranks
from clipsearch.towers.pair import TowerPair
from clipsearch.training.tuning.material import PictureSet, require_pictures
from clipsearch.training.tuning.trainee import Trainee
from clipsearch.training.tuning.views import read_ahead, whole_picture
from clipsearch.values import Embeddings, Pixels, Preprocessing, Skip

DEPTHS = (1, 5, 10)
BATCH = 32

Scores = dict[str, float]
"""Percents: `text_to_image_1`, `..._5`, `..._10`, `image_to_text_...`, and `score`, their mean."""


@dataclass(frozen=True)
class Measurable:
    """A set decoded once: pixels [n, h, w, 3], different captions, `right` [captions, n]."""

    source: str
    pixels: Pixels
    captions: tuple[str, ...]
    right: NDArray[np.bool_]
    left_out: tuple[Skip, ...]


def measurable(given: PictureSet, preprocessing: Preprocessing, threads: int) -> Measurable:
    """Decode a set; raises EmptySplit if nothing of it can be.

    A caption that several pictures share is one query, and each of its pictures is right.
    """
    pairs = [(each, preprocessing) for each in given.pictures]
    batches = [pairs[start : start + BATCH] for start in range(0, len(pairs), BATCH)]
    found = [
        each for part in read_ahead(batches, lambda pair: whole_picture(*pair), threads)
        for each in part
    ]  # fmt: skip
    readable = [at for at, each in enumerate(found) if not isinstance(each, Skip)]
    skips = tuple(each for each in found if isinstance(each, Skip))
    kept = tuple(given.pictures[at] for at in readable)
    require_pictures(PictureSet(given.source, kept, (*given.left_out, *skips)), "measuring")
    captions = tuple(dict.fromkeys(text for each in kept for text in each.captions))
    place = {text: at for at, text in enumerate(captions)}
    right = np.zeros((len(captions), len(kept)), np.bool_)
    for column, each in enumerate(kept):
        right[[place[text] for text in each.captions], column] = True
    pixels = np.stack([each for each in found if not isinstance(each, Skip)])
    return Measurable(given.source, pixels, captions, right, skips)


@torch.inference_mode()
def scores_of(trainee: Trainee, dev: Measurable) -> Scores:
    """Measure a model as it stands."""
    trainee.model.eval()
    images = _in_batches(
        dev.pixels, lambda part: trainee.embed_images(torch.from_numpy(part)).cpu().numpy()
    )
    texts = _in_batches(
        dev.captions, lambda part: trainee.embed_texts(trainee.tokens(list(part))).cpu().numpy()
    )
    return _scores(images, texts, dev.right)


def scores_of_pair(towers: TowerPair, dev: Measurable) -> Scores:
    """Measure towers that run without torch."""
    images = _in_batches(dev.pixels, towers.embed_images)
    return _scores(images, _in_batches(dev.captions, towers.embed_texts), dev.right)


def _in_batches(items: Sequence[str] | Pixels, embed: Callable[..., Embeddings]) -> Embeddings:
    parts = (items[start : start + BATCH] for start in range(0, len(items), BATCH))
    return np.concatenate([embed(part) for part in parts])


def _scores(images: Embeddings, texts: Embeddings, right: NDArray[np.bool_]) -> Scores:
    ways = {
        "text_to_image": right_class_ranks(texts, images, right),
        "image_to_text": right_class_ranks(images, texts, right.T),
    }
    found = {f"{way}_{k}": 100 * hit_at(k, ranks) for way, ranks in ways.items() for k in DEPTHS}
    found["score"] = float(np.mean(list(found.values())))
    return {name: round(value, 2) for name, value in found.items()}
