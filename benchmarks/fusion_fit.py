"""Fits what pictures, captions and BM25 are worth, on the half that fusion.py leaves out.

    python benchmarks/fusion_fit.py DATA [--cache DIR]

The likeliest constants: each query's own picture is to have the greatest part of a softmax of
rank scores over the collection, on average over all situations. What all words together are
worth (WHOLE) is not fitted here: sentences seldom have all their words in another sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
import torch
from fusion import (
    Pictures,
    Situation,
    best_captions,
    embedded,
    filled,
    halves,
    parsed,
    picture_worth,
    situations,
    standing,
)

from clipsearch import load_towers
from clipsearch.catalogue.terms import terms
from clipsearch.catalogue.words import matching
from clipsearch.search.evidence import PICTURE
from clipsearch.settings import default_home

if TYPE_CHECKING:
    from torch import Tensor


def main() -> None:
    """Fit and print."""
    arguments = parsed()
    tower = load_towers("builtin", default_home())
    flickr = embedded(arguments.data, "flickr8k.csv", tower, arguments.cache)
    fit(flickr.of(halves(len(flickr.images))[0]))


def fit(pictures: Pictures) -> None:
    """Print the constants that are likeliest on those pictures."""
    drawn = [signals(pictures, each) for each in situations(len(pictures.images)) if each.count]
    constants = torch.tensor([1.0, 1.0, 3.0, 0.1], requires_grad=True)
    optimizer = torch.optim.LBFGS([constants], max_iter=60, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        total = torch.stack([surprise(each, constants) for each in drawn]).mean()
        total.backward()  # type: ignore[no-untyped-call]
        return total

    optimizer.step(loss)
    names = ("PICTURE", "CAPTION", "CAPTION_FROM", "BM25")
    for name, value in zip(names, constants.tolist(), strict=True):
        print(f"{name} = {value:.2f}")
    print(f"loss {loss().item():.4f} nats")


def surprise(drawn: Sequence[Tensor], constants: Tensor) -> Tensor:
    """The mean negative log likelihood of the right pictures."""
    picture, caption, has, bm25 = drawn
    slope, caption_slope, start, words = constants
    evidence = torch.nn.functional.softplus(caption_slope * (caption - start)) * has
    scores = slope * picture + evidence + words * bm25
    return -torch.log_softmax(scores, 1).diag().mean()


def signals(pictures: Pictures, situation: Situation) -> list[Tensor]:
    """Deviations of pictures and of best captions, whether there are any, and BM25: [n, n]."""
    queries, count = pictures.captions[:, 0], len(pictures.images)
    owner, held = standing(pictures, situation)
    cosines = queries @ held.T
    best = np.stack([best_captions(query, owner, held, count) for query in queries])
    caption = (best - cosines.mean(1, keepdims=True)) / cosines.std(1, keepdims=True)
    tower = load_towers("builtin", default_home())
    picture = np.stack([picture_worth(pictures.images, query, tower) for query in queries])
    picture = picture / PICTURE
    arrays = (picture, np.nan_to_num(caption), ~np.isnan(best), bm25_of(pictures, situation))
    return [torch.from_numpy(np.asarray(each, np.float32)) for each in arrays]


def bm25_of(pictures: Pictures, situation: Situation) -> np.ndarray:
    """The BM25 of every picture for every query."""
    found = np.zeros((len(pictures.texts), len(pictures.texts)), np.float32)
    tower = load_towers("builtin", default_home())
    with TemporaryDirectory() as home, filled(Path(home), pictures, situation, tower) as connection:
        for row, texts in enumerate(pictures.texts):
            matched = matching(connection, terms(texts[0]), None)
            found[row, matched.ids - 1] = matched.bm25
    return found


if __name__ == "__main__":
    main()
