"""Invented pictures of a class: where the classifier expects a class among pooled features.

The image tower knows 1,000 classes; captions alone teach the joined space few of them. Under
the model of a linear discriminant (one Gaussian a class, one covariance), the classifier's
weight of a class is the inverse covariance times the class's offset from the mean, so the
covariance times the weight is the direction in which the class lies. How far out, the classifier
itself says: between where it is hardly sure and where it is nearly so.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import linear

MOST_SCATTER = 0.5
SURE = (0.18, 0.82)
FARTHEST = 3.0
"""No class is sought farther from the mean than so many times as far as pictures lie."""


@dataclass(frozen=True)
class Anchors:
    """Mean [1280] and class offsets [classes, 1280] in the space of pooled features, and how many
    times the offset is gone, least and most."""

    mean: Tensor
    offsets: Tensor
    strengths: tuple[float, float]

    def draw(self, classes: Tensor, pictures: Tensor, random: torch.Generator) -> Tensor:
        """Invent a feature for each class [b], with the scatter of real `pictures` [b, 1280]."""
        low, high = self.strengths
        strength = low + (high - low) * torch.rand(len(classes), 1, generator=random)
        scatter = MOST_SCATTER * torch.rand(len(classes), 1, generator=random)
        found = self.mean + scatter * (pictures - self.mean) + strength * self.offsets[classes]
        return found.clamp(min=0.0)  # what was pooled is never negative


def anchors_from(weight: Tensor, bias: Tensor, features: Tensor) -> Anchors:
    """Derive them from a classifier [classes, 1280], [classes] and features [n, 1280] of real
    pictures."""
    mean = features.mean(0)
    offsets = (weight - weight.mean(0)) @ torch.cov(features.T)
    scatter = (features - mean).norm(dim=1).mean()
    most = float(FARTHEST * scatter / offsets.norm(dim=1).mean())

    def strength(wanted: float) -> float:
        low, high = most / 1000, most
        while high / low > 1.01:
            middle = math.sqrt(low * high)
            logits = linear((mean + middle * offsets).clamp(min=0.0), weight, bias)
            sure = logits.softmax(1).diagonal().mean()
            low, high = (middle, high) if sure < wanted else (low, middle)
        return high

    return Anchors(mean, offsets, (strength(SURE[0]), strength(SURE[1])))
