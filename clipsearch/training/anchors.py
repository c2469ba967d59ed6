"""Invented pictures of a class: where the classifier expects a class among pooled features.

The image tower knows 1,000 classes; captions alone teach the joined space few of them. Under
the model of a linear discriminant (one Gaussian a class, one covariance), the classifier's
weight of a class is the inverse covariance times the class's offset from the mean, so the
covariance times the weight is the direction in which the class lies.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

MOST_SCATTER = 0.5
STRENGTHS = (3.0, 8.0)  # the classifier is 18 % and 82 % sure of what is invented


@dataclass(frozen=True)
class Anchors:
    """Mean [1280] and class offsets [classes, 1280] in the space of pooled features."""

    mean: Tensor
    offsets: Tensor

    def draw(self, classes: Tensor, pictures: Tensor, random: torch.Generator) -> Tensor:
        """Invent a feature for each class [b], with the scatter of real `pictures` [b, 1280]."""
        low, high = STRENGTHS
        strength = low + (high - low) * torch.rand(len(classes), 1, generator=random)
        scatter = MOST_SCATTER * torch.rand(len(classes), 1, generator=random)
        found = self.mean + scatter * (pictures - self.mean) + strength * self.offsets[classes]
        return found.clamp(min=0.0)  # pooled ReLUs are never negative


def anchors_from(classifier: Tensor, features: Tensor) -> Anchors:
    """Derive the offsets from weights [classes, 1280] and features [n, 1280] of real pictures."""
    centred = classifier - classifier.mean(0)
    return Anchors(features.mean(0), centred @ torch.cov(features.T))
