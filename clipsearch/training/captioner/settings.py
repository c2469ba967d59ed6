"""What decides a training of the captioner: equal settings and data, equal weights."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of a training: so many epochs, of so many pictures or sentences a step.

    The rate rises over the first 200 steps to `rate` and falls along half a cosine to nothing.
    """

    epochs: int
    batch: int
    rate: float


@dataclass(frozen=True, slots=True)
class Settings:
    """A whole training.

    First sentences without pictures, then captioned pictures, `captions` of each a step, then
    CIDEr itself as the reward for sampled captions. `views` of each picture are cached, one of
    them is taken at random. Beside the captioned pictures of a step stand `exchanged` photos
    that are shown as of another class, where a training names the classes.
    """

    sentences: Stage = Stage(1, 100, 1e-3)
    pictures: Stage = Stage(8, 16, 1e-3)
    rewards: Stage = Stage(0, 16, 5e-5)
    captions: int = 5
    exchanged: int = 8
    views: int = 2
    vocabulary: int = 3000
    width: int = 192
    layers: int = 3
    dropout: float = 0.1
    smoothing: float = 0.1
    decay: float = 0.05
    ema: float = 0.998
    seed: int = 0

    def flat(self) -> dict[str, Any]:
        """Every setting by its name, as it is kept and compared."""
        return asdict(self)
