"""What an open_clip image tower sees where, by torch.

A vision transformer is asked as MaskCLIP asks it (Zhou, Loy and Dai 2022): in the last block
each token takes its own value in place of what its query attends to, without residual and
without the layer behind, and goes through the tower's own norm and projection. A pooling that
attends is given each token alone, so that it can attend to nothing else.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipsearch.towers.pair import of_unit_length
from clipsearch.towers.parts import Parts, pooled_parts


def torch_parts(module: Any, given: NDArray[np.float32]) -> Parts | None:
    """The parts of one picture [1, 3, h, w] by an open_clip model; None where it has none."""
    import torch

    visual = module.visual
    try:
        with torch.inference_mode():
            pixels = torch.from_numpy(given).to(next(visual.parameters()).device)
            if hasattr(visual, "trunk"):
                return _timm_parts(visual, pixels)
            if hasattr(visual, "transformer") and hasattr(visual, "conv1"):
                return _transformer_parts(visual, pixels)
            if hasattr(visual, "attnpool") and hasattr(visual, "layer4"):
                return _resnet_parts(visual, pixels)
    except (AttributeError, RuntimeError, TypeError, ValueError):
        return None  # another design than those above
    return None


def _timm_parts(visual: Any, pixels: Any) -> Parts | None:
    """A trunk of timm: an average over a grid, or tokens pooled one by one."""
    import torch

    trunk = visual.trunk
    found = trunk.forward_features(pixels)
    if found.ndim == 4:

        def head(averages: NDArray[np.float32]) -> NDArray[np.float32]:
            with torch.inference_mode():
                one_place = torch.from_numpy(averages)[:, :, None, None].to(pixels.device)
                return _numpy(visual.head(trunk.forward_head(one_place)))

        return pooled_parts(_numpy(found[0]), head)
    if getattr(trunk, "global_pool", "") not in ("avg", "map"):
        return None
    tokens = found[0, trunk.num_prefix_tokens :]
    if getattr(trunk, "attn_pool", None) is not None:
        pooled = trunk.fc_norm(trunk.attn_pool(tokens[:, None]))
    else:
        pooled = trunk.fc_norm(tokens)
    return _by_tokens(visual.head(trunk.head(pooled)), trunk.patch_embed.grid_size)


def _transformer_parts(visual: Any, pixels: Any) -> Parts:
    """open_clip's own vision transformer."""
    import torch.nn.functional as nn

    seen: list[Any] = []
    last = visual.transformer.resblocks[-1]
    handle = last.register_forward_pre_hook(lambda _block, inputs: seen.append(inputs[0]))
    try:
        visual(pixels)
    finally:
        handle.remove()
    (tokens,) = seen
    batch_first = getattr(visual.transformer, "batch_first", True)
    tokens = last.ln_1(tokens[0] if batch_first else tokens[:, 0])
    width, attention = tokens.shape[-1], last.attn
    values = nn.linear(
        tokens, attention.in_proj_weight[2 * width :], attention.in_proj_bias[2 * width :]
    )
    values = attention.out_proj(values)[1:]
    if getattr(visual, "attn_pool", None) is not None:
        values = visual.attn_pool(values[:, None])[:, 0]
    values = visual.ln_post(values)
    if visual.proj is not None:
        values = values @ visual.proj
    return _by_tokens(values, visual.grid_size)


def _resnet_parts(visual: Any, pixels: Any) -> Parts:
    """OpenAI's ResNet: the values of its attention pooling, place by place."""
    import torch.nn.functional as nn

    found = visual.stem(pixels)
    for layer in (visual.layer1, visual.layer2, visual.layer3, visual.layer4):
        found = layer(found)
    _, channels, rows, columns = found.shape
    pool = visual.attnpool
    values = nn.linear(found[0].reshape(channels, -1).T, pool.v_proj.weight, pool.v_proj.bias)
    return _by_tokens(nn.linear(values, pool.c_proj.weight, pool.c_proj.bias), (rows, columns))


def _by_tokens(embedded: Any, grid: tuple[int, int]) -> Parts:
    rows, columns = int(grid[0]), int(grid[1])
    if len(embedded) != rows * columns:
        raise ValueError(f"{len(embedded)} tokens are no grid of {rows} x {columns}")
    return Parts(rows, columns, of_unit_length(_numpy(embedded)), "tokens")


def _numpy(tensor: Any) -> NDArray[np.float32]:
    return np.asarray(tensor.float().cpu().numpy(), np.float32)
