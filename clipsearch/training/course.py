"""The recipe's course: from gathered material to heads, lessons and what a stage trains."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from clipsearch.training.anchors import anchors_from
from clipsearch.training.fit import Photos, Trainee
from clipsearch.training.heads import CLASSES, Dropout, Heads
from clipsearch.training.lessons import Lessons, Names, Sizes, beliefs_of
from clipsearch.training.material import Material
from clipsearch.training.sight import Sight

DROPOUT = Dropout(image=0.7, text=0.2, detectors=0.3)


@dataclass(frozen=True)
class Taught:
    """Which of the 1,000 classes are taught, ascending; of the rest neither name, photo nor
    classifier row is."""

    classes: NDArray[np.int64]

    @classmethod
    def all(cls) -> Self:
        """Teach every class."""
        return cls(np.arange(CLASSES))

    @classmethod
    def all_but_every(cls, step: int) -> Self:
        """Leave out the classes 0, step, 2 * step and so on."""
        every = np.arange(CLASSES)
        return cls(every[every % step != 0])

    @property
    def left_out(self) -> NDArray[np.int64]:
        """The other classes, ascending."""
        return np.setdiff1d(np.arange(CLASSES), self.classes)


@dataclass(frozen=True)
class Course:
    """Material with the pooled features [views, pictures, 1280] of its pictures, and what of it
    is taught."""

    material: Material
    features: Tensor
    taught: Taught

    def heads(self) -> Heads:
        """Give new heads, standardised, with a detector of every class that is taught."""
        heads = Heads(DROPOUT)
        captioned = len(self.material.captioned)
        heads.standardise(self.features[0, :captioned], self.material.captions.pooled)
        classifier = classifier_of(self.material.trunk)
        weight, bias = classifier.weight.detach(), classifier.bias.detach()
        heads.detect_classes(weight, bias, self.features[0])
        heads.silence(torch.from_numpy(self.taught.left_out))
        return heads

    def lessons(self) -> Lessons:
        """Prepare what is taught beside the captions, from the untouched image tower."""
        material, classes = self.material, torch.from_numpy(self.taught.classes)
        seen = self.features[:, torch.from_numpy(self._seen())]
        classifier = classifier_of(material.trunk)
        weight, bias = classifier.weight.detach(), classifier.bias.detach()
        return Lessons(
            captions=material.captions,
            names=_names_of(material.names, self.taught.classes),
            words=material.words,
            anchors=anchors_from(weight[classes], bias[classes], seen[0]),
            scatter=seen,
            beliefs=beliefs_of(weight[classes], bias[classes], seen),
            sizes=Sizes(),
        )

    def trainee(
        self, heads: Heads, half: nn.Module | None, sight: Sight, lessons: Lessons
    ) -> Trainee[Heads]:
        """Put together what one stage trains."""
        material = self.material
        captions_of = tuple(len(each.captions) for each in material.captioned)
        kept = np.isin(material.photo_classes, self.taught.classes)
        places = len(captions_of) + np.flatnonzero(kept)
        told = np.searchsorted(self.taught.classes, material.photo_classes[kept])
        return Trainee(heads, half, sight, captions_of, lessons, Photos(places, told))

    def _seen(self) -> NDArray[np.int64]:
        """The places of all pictures but the photos of classes left out."""
        captioned = np.arange(len(self.material.captioned))
        kept = np.isin(self.material.photo_classes, self.taught.classes)
        return np.concatenate([captioned, len(captioned) + np.flatnonzero(kept)])


def classifier_of(trunk: nn.Module) -> nn.Linear:
    """Give the image tower's own classifier of 1,000 classes."""
    found = trunk.get_submodule("classifier")
    assert isinstance(found, nn.Linear)
    return found


def _names_of(names: Names, classes: NDArray[np.int64]) -> Names:
    return Names(names.pooled, names.first[classes], names.counts[classes])
