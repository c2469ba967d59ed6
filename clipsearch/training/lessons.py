"""One step's loss: pictures with captions, photos and invented features with class names."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clipsearch.training.anchors import Anchors
from clipsearch.training.batches import Batch
from clipsearch.training.heads import Heads
from clipsearch.training.losses import contrastive_loss

Random = np.random.Generator
USUAL_NAME = 0.5


@dataclass(frozen=True)
class Captions:
    """Pooled sentences [m, 384] of the captioned pictures, and where each picture's begin."""

    pooled: Tensor
    starts: NDArray[np.int64]

    def of(self, batch: Batch) -> Tensor:
        """Give the drawn caption of each picture: [b, 384]."""
        return self.pooled[torch.from_numpy(self.starts[batch.pictures] + batch.captions)]


@dataclass(frozen=True)
class Names:
    """Pooled class sentences [templates, sentences, 384], and the sentences of each class."""

    pooled: Tensor
    first: NDArray[np.int64]
    counts: NDArray[np.int64]

    def draw(self, classes: NDArray[np.int64], random: Random) -> Tensor:
        """Give one sentence for each class [b, 384]: half of the time its first name."""
        synonyms = random.integers(0, self.counts[classes])
        usual = random.random(len(classes)) < USUAL_NAME
        chosen = self.first[classes] + np.where(usual, 0, synonyms)
        templates = random.integers(0, len(self.pooled), len(classes))
        return self.pooled[torch.from_numpy(templates), torch.from_numpy(chosen)]


@dataclass(frozen=True)
class Lessons:
    """All that is taught beside the pictures themselves."""

    captions: Captions
    names: Names
    anchors: Anchors
    scatter: Tensor  # pooled features of real pictures, whose scatter the anchors borrow
    anchors_a_step: int

    def loss(
        self, heads: Heads, batch: Batch, classes: NDArray[np.int64], pooled: Tensor, random: Random
    ) -> Tensor:
        """Give the loss of one step.

        `pooled` [b + p, 1280] are the captioned pictures of the batch and then photos of the
        `classes` [p], no class twice. Invented features of other classes join them, and all
        have one contrastive loss: a caption or name is wrong for every picture but its own.
        """
        others = self._other_classes(classes, random)
        images = torch.cat([pooled, self._invent(others, random)])
        sentences = self.names.draw(np.concatenate([classes, others]), random)
        texts = torch.cat([self.captions.of(batch), sentences])
        return contrastive_loss(
            heads.embed_images(images), heads.embed_texts(texts), heads.log_scale
        )

    def _other_classes(self, taken: NDArray[np.int64], random: Random) -> NDArray[np.int64]:
        """Draw classes that no photo of the step has: no name may stand twice."""
        free = np.setdiff1d(np.arange(len(self.names.first)), taken)
        count = min(self.anchors_a_step, len(free))
        return random.choice(free, count, replace=False)

    def _invent(self, classes: NDArray[np.int64], random: Random) -> Tensor:
        """Invent a feature for each class."""
        pictures = torch.from_numpy(random.integers(0, len(self.scatter), len(classes)))
        torch_random = _torch_random(random)
        return self.anchors.draw(torch.from_numpy(classes), self.scatter[pictures], torch_random)


def _torch_random(random: Random) -> torch.Generator:
    """Give a torch generator that follows the NumPy one."""
    return torch.Generator().manual_seed(int(random.integers(0, 2**62)))
