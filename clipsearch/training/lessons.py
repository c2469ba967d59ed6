"""One step's loss: pictures with captions, photos and invented features with class names."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy, kl_div, linear

from clipsearch.training.anchors import Anchors
from clipsearch.training.batches import Batch
from clipsearch.training.heads import Heads
from clipsearch.training.losses import HOTTEST, contrastive_loss, scale_of
from clipsearch.training.words import Words

Random = np.random.Generator
USUAL_NAME = 0.5
SHARPER = 2.0


@dataclass(frozen=True)
class Sizes:
    """How many invented features and told pictures a step has, and what class losses and words
    weigh beside the captions' loss."""

    anchors: int = 256
    beliefs: int = 256
    weight: float = 0.1
    words: float = 0.3


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
    """All that is taught beside the pictures themselves.

    `scatter` [views, n, 1280] are pooled features of real pictures and `beliefs`
    [views, n, classes] what the image tower's own classifier says of them. `weight` is that of
    each of the three class losses; the captions' loss has one.
    """

    captions: Captions
    names: Names
    words: Words
    anchors: Anchors
    scatter: Tensor
    beliefs: Tensor
    sizes: Sizes

    def loss(
        self, heads: Heads, batch: Batch, classes: NDArray[np.int64], pooled: Tensor, random: Random
    ) -> Tensor:
        """Give the loss of one step.

        `pooled` [b + p, 1280] are the captioned pictures of the batch and then photos of the
        `classes` [p]. The captions have a contrastive loss: a caption is wrong for every picture
        but its own; and single words find the pictures they are said of. Against the names of
        all classes stand the photos, invented features, and real pictures, which are to be told
        as the image tower's classifier tells them.
        """
        captioned = len(batch.pictures)
        images = heads.embed_images(pooled[:captioned])
        texts = heads.embed_texts(self.captions.of(batch))
        every = self.names.draw(np.arange(len(self.names.first)), random)
        tell = _Telling(heads, heads.embed_texts(every))
        taught = (
            cross_entropy(tell.scores(pooled[captioned:]), torch.from_numpy(classes))
            + self._invented_loss(tell, random)
            + self._belief_loss(tell, random)
        )
        words = self._word_loss(heads, images, batch, random)
        told = contrastive_loss(images, texts, heads.log_scale)
        return told + self.sizes.words * words + self.sizes.weight * taught

    def _word_loss(self, heads: Heads, images: Tensor, batch: Batch, random: Random) -> Tensor:
        """Let each word, in one of its templates, find the pictures of the batch it is said of."""
        count = self.words.pooled.shape[1]
        drawn = self.words.pooled[_some(len(self.words.pooled), count, random), torch.arange(count)]
        pictures = torch.from_numpy(batch.pictures)
        return self.words.loss(
            images, pictures, heads.embed_texts(drawn), scale_of(heads.log_scale)
        )

    def _invented_loss(self, tell: "_Telling", random: Random) -> Tensor:
        """Let invented features be told by the names of their classes."""
        count = min(self.sizes.anchors, len(self.names.first))
        classes = torch.from_numpy(random.choice(len(self.names.first), count, replace=False))
        real = self.scatter[_some(len(self.scatter), count, random), self._places(count, random)]
        invented = self.anchors.draw(classes, real, _torch_random(random))
        return cross_entropy(tell.scores(invented), classes)

    def _belief_loss(self, tell: "_Telling", random: Random) -> Tensor:
        """Let real pictures be told as the classifier tells them (Hinton et al. 2015)."""
        count = self.sizes.beliefs
        views, places = _some(len(self.scatter), count, random), self._places(count, random)
        told = tell.scores(self.scatter[views, places]).log_softmax(1)
        return kl_div(told, self.beliefs[views, places], reduction="batchmean")

    def _places(self, count: int, random: Random) -> Tensor:
        """Draw places of real pictures."""
        return _some(self.scatter.shape[1], count, random)


@dataclass(frozen=True)
class _Telling:
    """Heads and the embedded names [classes, d] by which they tell pictures."""

    heads: Heads
    names: Tensor

    def scores(self, pooled: Tensor) -> Tensor:
        """Give logits [n, classes]; sharper than for captions, there are more of the wrong."""
        scale = (SHARPER * self.heads.log_scale.exp()).clamp(max=HOTTEST)
        return scale * self.heads.embed_images(pooled) @ self.names.T


def beliefs_of(weight: Tensor, bias: Tensor, features: Tensor) -> Tensor:
    """Give the probabilities [views, n, classes] by a classifier [classes, 1280], [classes]."""
    return torch.stack([linear(each, weight, bias).softmax(1) for each in features])


def _some(among: int, count: int, random: Random) -> Tensor:
    """Draw `count` numbers below `among`."""
    return torch.from_numpy(random.integers(0, among, count))


def _torch_random(random: Random) -> torch.Generator:
    """Give a torch generator that follows the NumPy one."""
    return torch.Generator().manual_seed(int(random.integers(0, 2**62)))
