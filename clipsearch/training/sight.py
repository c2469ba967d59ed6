"""How the recipe sees pictures: as cached features, or through the stages being trained."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from clipsearch.training.activations import TrainedHalf

ROWS_AT_ONCE = 64


class Sight(Protocol):
    """Pooled features of pictures, by place and view."""

    @property
    def views(self) -> int:
        """Count the views of each picture."""

    def pooled(self, pictures: NDArray[np.int64], views: NDArray[np.int64]) -> Tensor:
        """Give [b, 1280] for one view of each picture."""


@dataclass(frozen=True)
class CachedSight:
    """Features computed once: [views, pictures, 1280]."""

    features: Tensor

    @property
    def views(self) -> int:
        """Count the views of each picture."""
        return len(self.features)

    def pooled(self, pictures: NDArray[np.int64], views: NDArray[np.int64]) -> Tensor:
        """Look the features up."""
        return self.features[torch.from_numpy(views), torch.from_numpy(pictures)]


@dataclass(frozen=True)
class TrainedSight:
    """The trained stages over cached activations, one array [pictures, c, h, w] a view."""

    half: TrainedHalf
    activations: Sequence[NDArray[np.float16]]

    @property
    def views(self) -> int:
        """Count the views of each picture."""
        return len(self.activations)

    def pooled(self, pictures: NDArray[np.int64], views: NDArray[np.int64]) -> Tensor:
        """Run the stages, with gradients where they are asked for.

        A few pictures at once: what hundreds leave behind for the gradients fits in no cache.
        """
        pairs = zip(views, pictures, strict=True)
        rows = np.stack([self.activations[view][picture] for view, picture in pairs])
        parts = torch.split(torch.from_numpy(rows.astype(np.float32)), ROWS_AT_ONCE)
        return torch.cat([self.half(part) for part in parts])


@torch.inference_mode()
def pool_all(half: nn.Module, activations: NDArray[np.float16]) -> Tensor:
    """Run the stages over all pictures of one view: [pictures, 1280]."""
    half.eval()
    starts = range(0, len(activations), ROWS_AT_ONCE)
    parts = (activations[start : start + ROWS_AT_ONCE] for start in starts)
    return torch.cat([half(torch.from_numpy(part.astype(np.float32))) for part in parts])
