"""Shipped towers taken apart again into what is trained: the heads, and the image tower's stages.

The reverse of `pour_heads`, so that a course may begin with the towers of an earlier version.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from clipsearch.training.heads import IMAGE_RANK, LIFT, TEXT_HIDDEN, Dropout, Heads
from clipsearch.training.model import TEXT_WIDTH, build_model, image_trunk, text_trunk
from clipsearch.training.sentences import pour_minilm
from clipsearch.training.ship import DESCRIPTION_FILE
from clipsearch.training.unpack import state_from_onnx

LAST_NORM = "encoder.layer.5.output.LayerNorm"
_ROUNDING = 1e-4
"""What folding the batch normalisation may have changed of a weight, at most."""


@dataclass(frozen=True)
class Shipped:
    """An open_clip model that heads were poured into, and what its last norm's bias was before."""

    model: nn.Module
    text_bias: Tensor

    def pour_stages(self, half: nn.Module, trunk: nn.Module) -> None:
        """Give the trained half, a part of `trunk`, the shipped weights.

        Raises ValueError where the frozen half is another than the shipped one: what is cached
        of it would be of another tower.
        """
        shipped = image_trunk(self.model).state_dict()
        trained = {id(each) for each in half.state_dict(keep_vars=True).values()}
        for name, held in trunk.state_dict(keep_vars=True).items():
            if name.startswith("classifier"):
                continue
            if id(held) in trained:
                with torch.no_grad():
                    held.copy_(shipped[name])
            elif not torch.allclose(held, shipped[name], atol=_ROUNDING, rtol=_ROUNDING):
                raise ValueError(f"{name} is not as it was published")

    @torch.no_grad()
    def heads(self, dropout: Dropout, pooled: Tensor) -> Heads:
        """The heads that were poured, standardised anew by what the stages give [n, 1280]."""
        heads = Heads(dropout)
        self._take_text(heads)
        heads.standardise_images(pooled)
        _take_image(heads, self.model.get_submodule("visual.head.mlp"))
        heads.log_scale.copy_(self.model.get_parameter("logit_scale"))
        return heads

    def _take_text(self, heads: Heads) -> None:
        norm = self.model.get_submodule(f"text.transformer.{LAST_NORM}")
        constant = int(norm.get_parameter("weight").abs().argmin())
        first = self.model.get_parameter("text.proj.0.weight")
        last = self.model.get_parameter("text.proj.2.weight")
        kept = torch.tensor([place for place in range(TEXT_WIDTH) if place != constant])
        ends = (len(kept), len(kept) + TEXT_HIDDEN)
        heads.text_mean.copy_(self.text_bias - norm.get_parameter("bias"))
        heads.text_mean[constant] = 0.0
        heads.text_spread[kept] = 1.0 / first[torch.arange(len(kept)), kept]
        heads.text_kept[constant] = 0.0
        hidden, out = heads.text_hidden.get_submodule("0"), heads.text_hidden.get_submodule("2")
        rows, carried = first[ends[0] : ends[1]], last[:, : ends[0]]
        _fill(hidden, rows * heads.text_spread * heads.text_kept, rows[:, constant])
        linear = torch.zeros_like(heads.text.weight)
        linear[:, kept] = carried
        _fill(heads.text, linear, (last[:, ends[1]] + carried.sum(1)) * LIFT)
        _fill(out, last[:, ends[0] : ends[1]], torch.zeros(len(last)))


def shipped(weights: Path, trunk: str, minilm: Path) -> Shipped:
    """Open the shipped files of a folder."""
    model = build_model(trunk)
    model.load_state_dict(state_from_onnx(weights, model))
    description = json.loads((weights / DESCRIPTION_FILE).read_text(encoding="utf-8"))
    with torch.no_grad():
        model.get_parameter("logit_scale").fill_(math.log(description["logit_scale"]))
    published = text_trunk(build_model(trunk))
    pour_minilm(published, minilm)
    return Shipped(model, published.get_parameter(f"{LAST_NORM}.bias"))


def _take_image(heads: Heads, mlp: nn.Module) -> None:
    """Lower the lifted units again; each as long on its way in as on its way out."""
    first, last = mlp.get_parameter("fc1.weight"), mlp.get_parameter("fc2.weight")
    bias = mlp.get_parameter("fc1.bias")
    ways_in, carried = first[:IMAGE_RANK] * heads.image_spread, last[:, :IMAGE_RANK]
    size = (carried.norm(dim=0) / ways_in.norm(dim=1)).sqrt()
    centred = bias[:IMAGE_RANK] - LIFT + first[:IMAGE_RANK] @ heads.image_mean
    _fill(heads.image.get_submodule("1"), ways_in * size[:, None], centred * size)
    heads.image.get_parameter("2.weight").copy_(carried / size)
    heads.detector_weight.copy_(first[IMAGE_RANK:])
    heads.detector_bias.copy_(bias[IMAGE_RANK:])
    lowered = mlp.get_parameter("fc2.bias") + LIFT * carried.sum(1)
    _fill(heads.classes.get_submodule("1"), last[:, IMAGE_RANK:], lowered)


def _fill(layer: nn.Module, weight: Tensor, bias: Tensor) -> None:
    layer.get_parameter("weight").copy_(weight)
    layer.get_parameter("bias").copy_(bias)
