"""The teacher: a pair of heads on what several image towers see together.

Too large to ship, and taught nothing but captions, it finds pictures that the built-in tower
misses. What it holds of each picture and caption is a second target for the tower's stages.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from clipsearch.training.dev_measures import Captioned, retrieval
from clipsearch.training.fit import Photos, Schedule, Trainee, fit
from clipsearch.training.heads import DEAD_SPREAD, FIRST_LOG_SCALE, SMALLEST_SPREAD
from clipsearch.training.lessons import Captions, Shown
from clipsearch.training.losses import contrastive_loss, scale_of
from clipsearch.training.material import CAPTIONED, Material
from clipsearch.training.model import TEXT_WIDTH
from clipsearch.training.opinion import Opinion
from clipsearch.training.second_trunks import SecondTrunk, cache_second_sight
from clipsearch.training.sight import CachedSight
from clipsearch.training.views import View

TEACHER = Schedule("teacher", 60, 1024, 1e-3, 1.0, photos=0, longest_gradient=1.0, measure_every=20)
WIDTH = 512
IMAGE_DROPOUT, TEXT_DROPOUT = 0.7, 0.2


class _Head(nn.Module):
    """Standardise, drop, a linear map beside a hidden layer, unit length."""

    mean: Tensor
    spread: Tensor

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.drop = nn.Dropout(dropout)
        self.linear = nn.Linear(width, WIDTH)
        self.hidden = nn.Sequential(nn.Linear(width, WIDTH), nn.GELU(), nn.Linear(WIDTH, WIDTH))
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("spread", torch.ones(width))

    def standardise(self, rows: Tensor, floor: float) -> None:
        """Take mean and spread from rows [n, width]; what hardly moves is left as it is."""
        spread = rows.std(0)
        self.mean.copy_(rows.mean(0))
        self.spread.copy_(torch.where(spread < DEAD_SPREAD, 1.0, spread) + floor)

    def forward(self, rows: Tensor) -> Tensor:
        """Map [n, width] to unit-length [n, d]."""
        dropped = self.drop((rows - self.mean) / self.spread)
        return normalize(self.linear(dropped) + self.hidden(dropped), dim=-1)


class TeacherHeads(nn.Module):
    """Heads on features [n, width] of pictures and pooled sentences [m, 384]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.image = _Head(width, IMAGE_DROPOUT)
        self.text = _Head(TEXT_WIDTH, TEXT_DROPOUT)
        self.log_scale = nn.Parameter(torch.tensor(FIRST_LOG_SCALE))


@dataclass(frozen=True)
class CaptionsAlone:
    """The lesson of pictures with their captions and nothing else."""

    captions: Captions

    def loss(self, heads: TeacherHeads, shown: Shown, random: np.random.Generator) -> Tensor:
        """Give the contrastive loss of the batch."""
        images = heads.image(shown.pooled[: shown.captioned])
        return contrastive_loss(images, heads.text(self.captions.of(shown.batch)), heads.log_scale)


@dataclass(frozen=True)
class Seen:
    """What image towers see, side by side: pooled features of each view of all pictures
    [views, n, width], the captioned ones first, and of all dev pictures [n, width]."""

    train: Tensor
    dev: Tensor

    def beside(self, other: Self) -> Self:
        """Put what other towers see beside it."""
        train, dev = torch.cat([self.train, other.train], 2), torch.cat([self.dev, other.dev], 1)
        return replace(self, train=train, dev=dev)


def seen_by_others(trunks: Sequence[SecondTrunk], material: Material, work: Path) -> Seen:
    """Let further towers look at all views; what they see is cached in `work`.

    Raises ModuleNotFoundError where the package of one is not installed.
    """

    def seen(name: str, view: View) -> Tensor:
        files = (work / f"{each.name}-{name}-{view.number}.npy" for each in trunks)
        pairs = zip(trunks, files, strict=True)
        return torch.cat([cache_second_sight(trunk, view, file) for trunk, file in pairs], 1)

    train = torch.stack([seen("view", each) for each in material.looks])
    return Seen(train, seen("dev", material.dev_look))


def learn_opinion(
    material: Material, seen: Seen, schedule: Schedule, work: Path, seed: int
) -> Opinion:
    """Train heads on what image towers see; give what these hold of pictures and captions."""
    dev = material.dev.captioned[CAPTIONED]
    features, dev_features = seen.train, seen.dev[dev.places]
    captioned = features[:, : len(material.captioned)]
    torch.manual_seed(seed)
    heads = TeacherHeads(features.shape[2])
    heads.image.standardise(captioned[0], SMALLEST_SPREAD)
    heads.text.standardise(material.captions.pooled, 0.0)
    trainee = _trainee(heads, captioned, material)
    fit(trainee, schedule, lambda: _measured(heads, dev_features, dev), work, seed)
    heads.eval()
    with torch.inference_mode():
        pictures = torch.stack([heads.image(each) for each in features])
        captions = heads.text(material.captions.pooled)
    return Opinion(pictures.clone(), captions.clone(), scale_of(heads.log_scale).item())


def _trainee(heads: TeacherHeads, features: Tensor, material: Material) -> Trainee[TeacherHeads]:
    none = np.empty(0, dtype=np.int64)
    return Trainee(
        heads,
        None,
        CachedSight(features),
        tuple(len(each.captions) for each in material.captioned),
        CaptionsAlone(material.captions),
        Photos(none, none),
    )


@torch.inference_mode()
def _measured(heads: TeacherHeads, features: Tensor, dev: Captioned) -> dict[str, float]:
    """Give hit@k both ways, in percent, on features [n, width] of a captioned set."""
    heads.eval()
    images, texts = heads.image(features).numpy(), heads.text(dev.captions).numpy()
    return retrieval(CAPTIONED, images, texts, dev.owner)
