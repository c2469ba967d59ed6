"""Self-critical learning: sampled captions are rewarded by CIDEr-D against their fellows.

Rennie et al., "Self-Critical Sequence Training for Image Captioning" (CVPR 2017), with the mean
of the other samples of the picture as the baseline (Luo, "A Better Variant of Self-Critical
Sequence Training", 2020).
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clipsearch.measures.caption_words import caption_words
from clipsearch.training.captioner.decoder import CaptionDecoder
from clipsearch.training.captioner.material import Material
from clipsearch.training.captioner.packing import packed
from clipsearch.training.captioner.writing import written

SAMPLES = 5


class Rewards:
    """The measure of sampled captions, and the loss that makes good ones likelier."""

    def __init__(self, material: Material) -> None:
        """Count the n-grams of all training captions."""
        self._material = material
        self._cider = material.references()

    def loss(
        self,
        decoder: CaptionDecoder,
        places: NDArray[np.int64],
        seen: tuple[Tensor, Tensor],
        seed: int,
    ) -> Tensor:
        """Sample five captions of each picture and weigh their likelihood by their advantage."""
        decoder.eval()  # sampled and weighed by the same weights
        random = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            repeated = decoder.memory(*seen).repeat_interleave(SAMPLES, dim=0)
            sampled = written(decoder, repeated, random)
        decoder.train()
        batch = packed(sampled)
        logits = decoder(decoder.memory(*seen), batch)
        likelihood = logits.log_softmax(-1).gather(1, batch.wanted[:, None]).squeeze(1)
        advantage = torch.from_numpy(self._advantages(places, sampled))[batch.rows]
        loss: Tensor = -(advantage * likelihood).mean()
        return loss

    def _advantages(
        self, places: NDArray[np.int64], sampled: list[list[int]]
    ) -> NDArray[np.float32]:
        """The reward of each sample less the mean reward of the picture's other samples."""
        texts = self._material.spelled(sampled)
        scores = [
            self._cider.score(int(places[at // SAMPLES]), caption_words(text))
            for at, text in enumerate(texts)
        ]
        rewards = np.asarray(scores, np.float32).reshape(-1, SAMPLES)
        others = (rewards.sum(1, keepdims=True) - rewards) / (SAMPLES - 1)
        advantages: NDArray[np.float32] = (rewards - others).reshape(-1)
        return advantages
