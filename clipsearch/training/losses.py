"""What training makes small."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

HOTTEST = 100.0


def scale_of(log_scale: Tensor) -> Tensor:
    """Give the factor on cosines, at most 100, as CLIP bounds it (Radford et al. 2021)."""
    return log_scale.exp().clamp(max=HOTTEST)


def contrastive_loss(images: Tensor, texts: Tensor, log_scale: Tensor) -> Tensor:
    """Give the symmetric InfoNCE of b pairs of unit-length rows [b, d]; all others are wrong."""
    scores = scale_of(log_scale) * images @ texts.T
    right = torch.arange(len(images))
    return (cross_entropy(scores, right) + cross_entropy(scores.T, right)) / 2
