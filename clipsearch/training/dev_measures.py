"""How good a pair of heads is on the dev splits: what training logs and docs report."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clipsearch.measures import caption_ranks, hit_at, image_ranks, right_class_ranks
from clipsearch.training.heads import Heads

Rows = NDArray[np.float32]


@dataclass(frozen=True)
class Captioned:
    """Where a captioned set stands in the dev pictures, its pooled captions and their owners."""

    places: slice
    captions: Tensor
    owner: NDArray[np.int64]


@dataclass(frozen=True)
class DevSet:
    """All that is measured: captioned sets by name, and photos with their right classes."""

    captioned: Mapping[str, Captioned]
    photos: slice
    names: Tensor
    right: NDArray[np.bool_]


@torch.inference_mode()
def measure_heads(heads: Heads, pooled: Tensor, dev: DevSet) -> dict[str, float]:
    """Measure heads on pooled dev features [n, 1280]; all numbers are percents."""
    heads.eval()
    images = heads.embed_images(pooled).numpy()
    texts = {name: heads.embed_texts(each.captions).numpy() for name, each in dev.captioned.items()}
    return measure_embeddings(images, texts, heads.embed_texts(dev.names).numpy(), dev)


def measure_embeddings(
    images: Rows, texts: Mapping[str, Rows], names: Rows, dev: DevSet
) -> dict[str, float]:
    """Measure embeddings of the dev pictures, of each set's captions and of the class names."""
    found: dict[str, float] = {}
    for name, each in dev.captioned.items():
        found.update(retrieval(name, images[each.places], texts[name], each.owner))
    ranks = right_class_ranks(images[dev.photos], names, dev.right)
    found["imagenet_top1"], found["imagenet_top5"] = (100 * hit_at(k, ranks) for k in (1, 5))
    return {name: round(value, 2) for name, value in found.items()}


def retrieval(
    name: str, images: Rows, captions: Rows, owner: NDArray[np.int64]
) -> dict[str, float]:
    """Give hit@1, @5 and @10 both ways, in percent."""
    to_image = image_ranks(captions, images, owner)
    to_text = caption_ranks(images, captions, owner)
    ways = (("text_to_image", to_image), ("image_to_text", to_text))
    return {
        f"{name}_{way}_{k}": round(100 * hit_at(k, ranks), 2)
        for way, ranks in ways
        for k in (1, 5, 10)
    }
