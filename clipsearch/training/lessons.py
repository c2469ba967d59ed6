"""One step's loss: pictures with captions, photos and invented features with class names."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy, kl_div, linear

from clipsearch.training.anchors import Anchors
from clipsearch.training.batches import Batch
from clipsearch.training.heads import Heads
from clipsearch.training.losses import HOTTEST, captions_loss, scale_of
from clipsearch.training.opinion import Opinion
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
    weight: float = 0.12
    words: float = 0.3


@dataclass(frozen=True)
class Captions:
    """Pooled sentences [m, 384] of the captioned pictures, and where each picture's begin."""

    pooled: Tensor
    starts: NDArray[np.int64]

    def places(self, batch: Batch) -> Tensor:
        """Give the place of the drawn caption of each picture: int64 [b]."""
        return torch.from_numpy(self.starts[batch.pictures] + batch.captions)

    def of(self, batch: Batch) -> Tensor:
        """Give the drawn caption of each picture: [b, 384]."""
        return self.pooled[self.places(batch)]

    def every(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Give the places of all captions of the pictures, and the row of each: int64 [m] both."""
        starts = self.starts[batch.pictures]
        counts = np.append(self.starts, len(self.pooled))[batch.pictures + 1] - starts
        owner = np.repeat(np.arange(len(counts)), counts)
        within = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
        return torch.from_numpy(starts[owner] + within), torch.from_numpy(owner)


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
class Shown:
    """What one step looks at: the captioned pictures of a batch and then photos of `classes` [p].

    `pictures` [b + p] are the places of all of them, `views` [b + p] the view of each and
    `pooled` [b + p, 1280] what the image tower gives.
    """

    batch: Batch
    classes: NDArray[np.int64]
    pictures: NDArray[np.int64]
    views: NDArray[np.int64]
    pooled: Tensor

    @property
    def captioned(self) -> int:
        """How many are captioned."""
        return len(self.batch.pictures)


@dataclass(frozen=True)
class Lessons:
    """All that is taught beside the pictures themselves.

    `scatter` [views, n, 1280] are pooled features of real pictures and `beliefs`
    [views, n, classes] what the image tower's own classifier says of them. The class losses and
    the words weigh as `sizes` say; the captions' loss has the weight one, and so has a teacher's
    `opinion`, where there is one. `seen` says that the image tower itself is trained: its
    classifier's beliefs are then held against what it sees now. With `every_caption` a step has
    all captions of its pictures, else one of each.
    """

    captions: Captions
    names: Names
    words: Words
    anchors: Anchors
    scatter: Tensor
    beliefs: Tensor
    sizes: Sizes
    opinion: Opinion | None = None
    seen: bool = False
    every_caption: bool = False

    def with_sight(self, opinion: Opinion) -> Self:
        """Give the lessons of a course that trains the image tower, with a teacher's opinion and
        every caption of each picture."""
        return replace(self, opinion=opinion, seen=True, every_caption=True)

    def loss(self, heads: Heads, shown: Shown, random: Random) -> Tensor:
        """Give the loss of one step.

        The captions have a contrastive loss: one is wrong for every picture but its own;
        and single words find the pictures they are said of. Against the names of all classes
        stand the photos, invented features, and real pictures, which are to be told as the image
        tower's classifier tells them. A teacher's opinion says which captions nearly fit, of photos
        without captions, too.
        """
        every_image = heads.embed_images(shown.pooled)
        images = every_image[: shown.captioned]
        places, owner = self._captions_of(shown.batch)
        texts = heads.embed_texts(self.captions.pooled[places])
        every = self.names.draw(np.arange(len(self.names.first)), random)
        tell = _Telling(heads, heads.embed_texts(every))
        taught = (
            cross_entropy(
                tell.scores(shown.pooled[shown.captioned :]), torch.from_numpy(shown.classes)
            )
            + self._invented_loss(tell, random)
            + (self._seen_loss(tell, shown) if self.seen else self._belief_loss(tell, random))
        )
        words = self._word_loss(heads, images, shown.batch, random)
        scores = scale_of(heads.log_scale) * every_image @ texts.T
        told = captions_loss(scores[: shown.captioned], owner)
        if self.opinion is not None:
            views, pictures = torch.from_numpy(shown.views), torch.from_numpy(shown.pictures)
            told = told + self.opinion.loss(scores, views, pictures, places)
        return told + self.sizes.words * words + self.sizes.weight * taught

    def _captions_of(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Give the places of the captions of a step, and the row of the picture of each."""
        if self.every_caption:
            return self.captions.every(batch)
        return self.captions.places(batch), torch.arange(len(batch.pictures))

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

    def _seen_loss(self, tell: "_Telling", shown: Shown) -> Tensor:
        """Let what the image tower sees now be told as its classifier told it before."""
        told = tell.scores(shown.pooled).log_softmax(1)
        views, pictures = torch.from_numpy(shown.views), torch.from_numpy(shown.pictures)
        return kl_div(told, self.beliefs[views, pictures], reduction="batchmean")

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
