"""What is trained: a pair of towers of open_clip with its loss."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from clipsearch.towers.open_clip_model import LoadedModel
from clipsearch.training.losses import (
    HOTTEST,
    balanced_bias,
    clip_loss,
    hinge_loss,
    siglip_loss,
)
from clipsearch.training.tuning.layers import Layer, layers_of, open_layers
from clipsearch.training.tuning.settings import Settings
from clipsearch.values import Pixels


@dataclass
class Trainee:
    """A model in memory with everything that a step needs.

    `norms_learn`: batch normalisation takes its statistics from the batches, as a model that
    begins at random must; one that was trained keeps its own.
    """

    loaded: LoadedModel
    settings: Settings
    device: str
    norms_learn: bool = False
    layers: list[Layer] = field(init=False)
    bias: nn.Parameter = field(init=False)

    def __post_init__(self) -> None:
        self.model: nn.Module = self.loaded.module.to(self.device)
        self.layers = layers_of(self.model)
        told = getattr(self.model, "logit_bias", None)
        self.bias = nn.Parameter(torch.zeros((), device=self.device)) if told is None else told
        self.bias_is_set = told is not None
        self.hottest = max(HOTTEST, float(self.model.get_parameter("logit_scale").exp()))
        pads = getattr(self.loaded.tokenizer, "tokenizer", None)
        self.pad: int | None = getattr(pads, "pad_token_id", None)

    def open(self, epoch: int) -> list[nn.Parameter]:
        """Go into training mode for an epoch (from 0); give the parameters that are trained."""
        unlocked = open_layers(self.layers, self.settings.locks, epoch)
        self.model.train()
        if self.settings.locks.image == 0:
            self.model.get_submodule("visual").eval()
        for each in self.model.modules():
            if isinstance(each, nn.modules.batchnorm._BatchNorm) and not self.norms_learn:
                each.eval()
        scales = self.loss_parameters()
        for parameter in scales:
            parameter.requires_grad_(True)
        return [*(each for layer in unlocked for each in layer.parameters), *scales]

    def loss_parameters(self) -> list[nn.Parameter]:
        """The parameters of the loss itself."""
        used = {"clip": 1, "siglip": 2}.get(self.settings.goal.loss, 0)
        return [self.model.get_parameter("logit_scale"), self.bias][:used]

    def embed_images(self, pixels: Tensor) -> Tensor:
        """Embed uint8 [n, h, w, 3]: float32 [n, d], of unit length."""
        prepared = self.loaded.preprocessing
        mean, std = (
            torch.tensor(each, device=self.device) * 255 for each in (prepared.mean, prepared.std)
        )
        given = ((pixels.to(self.device) - mean) / std).permute(0, 3, 1, 2)
        with self._casting():
            return _as_float(self.model, "encode_image", given)

    def embed_texts(self, tokens: Tensor) -> Tensor:
        """Embed token ids [n, t]: float32 [n, d], of unit length."""
        with self._casting():
            return _as_float(self.model, "encode_text", tokens.to(self.device))

    def tokens(self, texts: list[str]) -> Tensor:
        """Token ids [n, t]; towers of transformers are spared the padding that all rows share."""
        whole = [text.encode("utf-8", "replace").decode() for text in texts]
        ids: Tensor = self.loaded.tokenizer(whole)
        text = getattr(self.model, "text", None)
        if self.pad is None or not hasattr(text, "config"):
            return ids
        used = (ids != self.pad).any(0).nonzero()
        return ids[:, : int(used.max()) + 1]

    def loss(self, images: Tensor, texts: Tensor) -> Tensor:
        """The loss of b pairs of embeddings [b, d]."""
        goal = self.settings.goal
        if goal.loss.startswith("hinge"):
            hardest = goal.loss == "hinge-hardest"
            return hinge_loss(images, texts, goal.margin, hardest=hardest)
        scale = self.model.get_parameter("logit_scale").exp()
        if goal.loss == "clip":
            return clip_loss(images, texts, scale)
        if not self.bias_is_set:
            self.bias_is_set = True
            self.bias.data.copy_(balanced_bias(images, texts, scale))
        return siglip_loss(images, texts, scale, self.bias)

    def bound_scale(self) -> None:
        """Keep the factor on cosines at most 100, or where the start had it if that is more."""
        self.model.get_parameter("logit_scale").data.clamp_(max=float(np.log(self.hottest)))

    def _casting(self) -> AbstractContextManager[Any]:
        if self.settings.precision == "bf16":
            return torch.autocast(torch.device(self.device).type, dtype=torch.bfloat16)
        return nullcontext()


def stacked(pixels: list[Pixels]) -> Tensor:
    """Pictures [h, w, 3] as one tensor uint8 [n, h, w, 3]."""
    return torch.from_numpy(np.stack(pixels))


def _as_float(model: nn.Module, method: str, given: Tensor) -> Tensor:
    found: Tensor = getattr(model, method)(given)
    return torch.nn.functional.normalize(found.float(), dim=-1)
