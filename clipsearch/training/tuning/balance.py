"""Dead dimensions of a text tower brought back to a size that can be trained.

MiniLM's last normalisation multiplies a few dimensions by 1e-33, and a projection that was
trained on standardised features multiplies them by 1e30 again. That computes well, but its
gradient does not fit float32, and the length of the whole gradient becomes infinite.
"""

from __future__ import annotations

import torch
from torch import nn

SMALLEST = 1e-4


@torch.no_grad()
def balance_dead_dimensions(model: nn.Module) -> int:
    """Move tiny factors from the last normalisation of the text tower into its projection.

    What the model computes stays the same. Gives the number of dimensions moved; 0 for a tower
    of another make, which is left alone.
    """
    found = _norm_and_projection(model)
    if found is None:
        return 0
    norm, projection = found
    size = torch.maximum(norm.weight.abs(), norm.bias.abs())
    moved = (size < SMALLEST) & (size > 0)
    factor = torch.where(moved, 1.0 / size.clamp(min=1e-37), torch.ones_like(size))
    norm.weight.mul_(factor)
    norm.bias.mul_(factor)
    projection.weight.div_(factor)
    return int(moved.sum())


def _norm_and_projection(model: nn.Module) -> tuple[nn.LayerNorm, nn.Linear] | None:
    """The last normalisation and the linear map behind it, where only a mean stands between."""
    text = getattr(model, "text", None)
    if type(getattr(text, "pooler", None)).__name__ != "MeanPooler":
        return None
    blocks = getattr(getattr(getattr(text, "transformer", None), "encoder", None), "layer", None)
    norm = getattr(getattr(blocks[-1], "output", None), "LayerNorm", None) if blocks else None
    proj = getattr(text, "proj", None)
    first = proj[0] if isinstance(proj, nn.Sequential) else proj
    if isinstance(norm, nn.LayerNorm) and isinstance(first, nn.Linear):
        return norm, first
    return None
