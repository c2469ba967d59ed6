"""Photos of one class shown as another: what the image tower's classifier knows, put into words.

The built-in tower's head has a detector of each of the 1,000 classes of ImageNet, and captions by
people name few of them. Under the model of a linear discriminant (`clipsearch.training.anchors`)
the covariance times a detector's weight is the direction in which a class lies. So what stands out
in a photo is dimmed, the direction of another class is put on at those places, and the decoder is
to say the other class's name. The other places stay, as a thing stands before its background: with
the direction put on everywhere the tower names half as many by the new class, and the sights
are fuller than real ones (docs/captioning.md has the figures).
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn.functional import gelu, linear, normalize

from clipsearch.captions.plain_words import plain
from clipsearch.training.anchors import Anchors, anchors_from
from clipsearch.training.captioner.material import memories
from clipsearch.training.captioner.packing import Ids
from clipsearch.training.captioner.sights import CachedSights
from clipsearch.training.captioner.vocabulary import LONGEST, token_ids
from clipsearch.training.classes import read_class_names
from clipsearch.training.heads import CLASSES, IMAGE_RANK
from clipsearch.training.tuning.material import Pictured
from clipsearch.training.unpack import stored_parameters
from clipsearch.training_errors import ClassNamesUnusable

LEAST_SHARE, MOST_SHARE = 0.5, 1.0
"""How far a photo goes towards the other class, as a share of where the classifier is sure."""
THING = 0.25
"""The part of a photo's places that are taken for the thing that stands out."""
KEPT = 0.25
"""What is left of it."""
FULL = 6.0
"""What a place of the built-in tower can hold at most: behind a ReLU6."""
_SAMPLE = 2048


def _foreign(tower: Path) -> str:
    return f"the tower {str(tower)!r} has not the built-in tower's head"


@dataclass(frozen=True, slots=True)
class Head:
    """The image tower's own head, from pooled features [n, channels] to unit-length [n, dim]."""

    first: tuple[Tensor, Tensor]
    last: tuple[Tensor, Tensor]

    @classmethod
    def of(cls, tower: Path) -> Head:
        """Read it from the `image.onnx` of a built-in tower. Raises ClassNamesUnusable."""
        stored = stored_parameters(tower / "image.onnx")

        def tensor(name: str) -> Tensor:
            return torch.tensor(stored[f"visual.head.mlp.{name}"])

        try:
            first, last = (
                (tensor(f"{name}.weight"), tensor(f"{name}.bias")) for name in ("fc1", "fc2")
            )
        except KeyError as error:
            raise ClassNamesUnusable("--class-names", _foreign(tower)) from error
        if len(first[1]) != IMAGE_RANK + CLASSES:
            raise ClassNamesUnusable("--class-names", _foreign(tower))
        return cls(first, last)

    @property
    def detectors(self) -> Tensor:
        """The weights of the classes' detectors [classes, channels]."""
        return self.first[0][IMAGE_RANK:]

    @property
    def thresholds(self) -> Tensor:
        """Their biases [classes]: the classifier's, all less by one number."""
        return self.first[1][IMAGE_RANK:]

    def __call__(self, pooled: Tensor) -> Tensor:
        """Embed."""
        return normalize(linear(gelu(linear(pooled, *self.first)), *self.last), dim=-1)


@dataclass(frozen=True, slots=True)
class Exchange:
    """Photos by their places in the sights [p], where the classes lie, and what is to be said of
    each."""

    photos: NDArray[np.int64]
    anchors: Anchors
    head: Head
    said: Sequence[Ids]

    def draw(
        self, sights: CachedSights, count: int, random: np.random.Generator
    ) -> tuple[tuple[Tensor, Tensor], list[Ids]]:
        """Show `count` photos as others: their embeddings and places, and the new names."""
        chosen = random.integers(len(self.photos), size=count)
        wanted = random.integers(len(self.said), size=count)
        views = random.integers(sights.views, size=count)
        _, places = memories(sights, self.photos[chosen], views)
        _, sure = self.anchors.strengths
        shares = torch.from_numpy(random.uniform(LEAST_SHARE, MOST_SHARE, size=count))
        other = self.anchors.offsets[torch.from_numpy(wanted)]
        shown = shown_as(places, (sure * shares).to(places)[:, None] * other)
        return (self.head(shown.mean(1)), shown), [self.said[place] for place in wanted]


def shown_as(places: Tensor, other: Tensor) -> Tensor:
    """Photos [n, places, channels] in which what stands out is moved by `other` [n, channels].

    A place takes as much of it as it stands out; on average over all places it is `other`.
    """
    salience = places.norm(dim=2)
    count = max(1, round(THING * places.shape[1]))
    least = salience.topk(count, dim=1).values[:, -1:]
    thing = torch.where(salience >= least, salience, 0.0)
    share = (thing / thing.mean(1, keepdim=True).clamp(min=1e-6))[..., None]
    dimmed = torch.where(share > 0, KEPT * places, places)
    return (dimmed + share * other[:, None]).clamp(0.0, FULL)


def class_sentences(names: Path) -> list[str]:
    """Plain "a photo of a NAME" for each class of a label file of 1,001 lines, the background
    first. Raises ClassNamesUnusable."""
    try:
        known = read_class_names(names)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ClassNamesUnusable(str(names), reason.lower()) from error
    if len(known.names) != CLASSES or not all(known.names):
        reason = f"it names {len(known.names)} classes, not {CLASSES}"
        raise ClassNamesUnusable(str(names), reason)
    return [plain(each) for each in known.first_sentences()]


def exchange(
    sentences: Sequence[str],
    tower: Path,
    pictures: Sequence[Pictured],
    sights: CachedSights,
    tokenizer: Tokenizer,
) -> Exchange:
    """Find the photos "of a NAME" among the pictures, and where the classes lie.

    `sentences` are those of `class_sentences`. Raises ClassNamesUnusable.
    """
    named = set(sentences)
    photos = [
        row
        for row, each in enumerate(pictures)
        if any(plain(said) in named for said in each.captions)
    ]
    if not photos:
        reason = f"no picture has the caption `{sentences[0]}`, or that of another class"
        raise ClassNamesUnusable("--class-names", reason)
    head = Head.of(tower)
    step = max(1, len(pictures) // _SAMPLE)
    pooled = np.asarray(sights.places[0][::step], np.float32).mean(1)
    return Exchange(
        np.array(photos),
        anchors_from(head.detectors, head.thresholds, torch.from_numpy(pooled)),
        head,
        token_ids(tokenizer, sentences, LONGEST),
    )
