"""The gradient of one global batch, whatever parts and processes it is computed in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from clipsearch.training.tuning.processes import Processes
from clipsearch.training.tuning.trainee import Trainee


@dataclass(frozen=True, slots=True)
class Part:
    """Pairs computed at once: pixels uint8 [n, h, w, 3], token ids [n, t]."""

    pixels: Tensor
    tokens: Tensor


def share_gradients(
    trainee: Trainee,
    parts: Sequence[Part],
    open_parameters: Sequence[nn.Parameter],
    seed: int,
    processes: Processes,
) -> Tensor:
    """Leave the gradient of the whole batch's loss in the open parameters; give the loss.

    The loss wants the embeddings of all pictures at once, memory may not. So every part is
    embedded without a graph, the loss is taken back to the embeddings, and each part is embedded
    again to take its share back to the weights (Gao et al. 2021, GradCache). Dropout draws the
    same masks both times. Where the loss is not finite, no gradient is left.
    """
    once = len(parts) == 1
    with torch.set_grad_enabled(once):
        embedded = [_embed(trainee, part, seed + at) for at, part in enumerate(parts)]
    width = trainee.loaded.dim
    sides, own = [], slice(0, 0)
    for side in range(2):
        rows = [each[side].detach() for each in embedded]
        mine = torch.cat(rows) if rows else torch.zeros((0, width), device=trainee.device)
        whole, own = processes.gather(mine)
        sides.append(whole.requires_grad_())
    if len(sides[0]) < 2:  # nothing to tell a picture from
        return torch.zeros(())
    loss = trainee.loss(*sides)
    if not bool(torch.isfinite(loss)):
        return loss.detach()
    loss.backward()  # type: ignore[no-untyped-call]
    begin = own.start
    for at, part in enumerate(parts):
        found = embedded[at] if once else _embed(trainee, part, seed + at)
        rows = [_gradient(side)[begin : begin + len(part.pixels)] for side in sides]
        _take_back(found, rows)
        begin += len(part.pixels)
    towers = [each for each in open_parameters if all(each is not one for one in _own(trainee))]
    processes.add_up(towers)
    return loss.detach()


def _embed(trainee: Trainee, part: Part, seed: int) -> tuple[Tensor, Tensor]:
    torch.manual_seed(seed)
    return trainee.embed_images(part.pixels), trainee.embed_texts(part.tokens)


def _gradient(side: Tensor) -> Tensor:
    return torch.zeros_like(side) if side.grad is None else side.grad


def _take_back(found: Sequence[Tensor], gradients: Sequence[Tensor]) -> None:
    """From embeddings to weights; a locked tower has no way back."""
    pairs = [pair for pair in zip(found, gradients, strict=True) if pair[0].requires_grad]
    if pairs:
        torch.autograd.backward([each for each, _ in pairs], [each for _, each in pairs])


def _own(trainee: Trainee) -> list[nn.Parameter]:
    """The parameters of the loss: every process has their whole gradient already."""
    return [trainee.model.get_parameter("logit_scale"), trainee.bias]
