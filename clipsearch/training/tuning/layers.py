"""The layers of any pair of towers, counted from the embedding down to the input.

open_clip joins towers of many makes, so layers are told by the names of their parameters: the
first number in a name is that of a block (`transformer.resblocks.3.`, `layer4.0.`,
`encoder.layer.5.`). What comes before the blocks is the stem, what comes after them the head.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from torch import nn

from clipsearch.training.tuning.settings import Locks, Pace

Side = Literal["image", "text"]

_STEMS = re.compile(
    r"(^|\.)(token_embedding|positional_embedding|class_embedding|embeddings|patch_embed|"
    r"pos_embed|cls_token|stem|conv_stem)(\.|$)"
)
_HEADS = re.compile(r"(^|\.)(proj|text_projection|head|attnpool|attn_pool|pooler)(\.|$)")
_BLOCK = re.compile(r"(?:.*?\.)?(?:layer)?\d+\.(?:\d+\.)?")


@dataclass(frozen=True)
class Layer:
    """A block of one tower: its depth from the embedding (0 is the head), its parameters."""

    side: Side
    depth: int
    parameters: tuple[nn.Parameter, ...]


def layers_of(model: nn.Module) -> list[Layer]:
    """All layers of both towers; the scale and the bias of the loss belong to none."""
    image = dict(model.get_submodule("visual").named_parameters())
    known = {id(each) for each in image.values()}
    text = {
        name.removeprefix("text."): each
        for name, each in model.named_parameters()
        if id(each) not in known and name not in ("logit_scale", "logit_bias")
    }
    return [*_layers("image", image), *_layers("text", text)]


def open_layers(layers: list[Layer], locks: Locks, epoch: int) -> list[Layer]:
    """Let only the unlocked layers of this epoch (from 0) be trained; give them."""
    unlocked = []
    for layer in layers:
        is_open = layer.depth < _open_depth(locks, layer.side, epoch)
        for each in layer.parameters:
            each.requires_grad_(is_open)
        unlocked += [layer] * is_open
    return unlocked


def parameter_groups(layers: list[Layer], pace: Pace) -> list[dict[str, Any]]:
    """The optimiser's groups: a rate for each depth, no decay for what is no matrix."""
    groups = []
    for layer in layers:
        full = pace.rate * pace.layer_decay**layer.depth
        matrices = [each for each in layer.parameters if each.ndim > 1]
        others = [each for each in layer.parameters if each.ndim <= 1]
        for parameters, decay in ((matrices, pace.decay), (others, 0.0)):
            if parameters:
                groups.append(
                    {"params": parameters, "lr": 0.0, "full_rate": full, "weight_decay": decay}
                )
    return groups


def _open_depth(locks: Locks, side: Side, epoch: int) -> float:
    limit = locks.image if side == "image" else locks.text
    reached = 1 + epoch // locks.gradual if locks.gradual else float("inf")
    return min(reached, float("inf") if limit is None else limit)


def _layers(side: Side, parameters: dict[str, nn.Parameter]) -> Iterator[Layer]:
    blocks: dict[str, list[nn.Parameter]] = {"stem": [], "head": []}
    for name, each in parameters.items():
        blocks.setdefault(_block(name, begun=len(blocks) > 2), []).append(each)
    stem, head = blocks.pop("stem"), blocks.pop("head")
    from_the_top = [head, *reversed(blocks.values()), stem]
    for depth, own in enumerate(each for each in from_the_top if each):
        yield Layer(side, depth, tuple(own))


def _block(name: str, *, begun: bool) -> str:
    """The block that a parameter belongs to; `begun` once blocks were met, in their order."""
    if _STEMS.search(name):
        return "stem"
    block, head = _BLOCK.match(name), _HEADS.search(name)
    if head and not (block and block.end() <= head.end()):
        return "head"  # `proj.0.`, but not `blocks.3.attn.proj.`
    if block:
        return block.group()
    return "head" if begun else "stem"
