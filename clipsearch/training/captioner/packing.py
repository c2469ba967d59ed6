"""Captions packed into batches: no token of padding is computed except in attention."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from clipsearch.training.captioner.decoder import Packed
from clipsearch.training.captioner.vocabulary import START_ID

Ids = Sequence[int]


def packed(captions: Sequence[Ids]) -> Packed:
    """Pack captions, each a list of token ids that ends with the closing one."""
    lengths = [len(ids) for ids in captions]
    columns = np.concatenate([np.arange(length) for length in lengths])
    rows = np.repeat(np.arange(len(captions)), lengths)
    wanted = np.concatenate([np.asarray(ids, np.int64) for ids in captions])
    tokens = np.concatenate([np.asarray([START_ID, *ids[:-1]], np.int64) for ids in captions])
    return Packed(
        torch.from_numpy(tokens),
        torch.from_numpy(wanted),
        torch.from_numpy(rows),
        torch.from_numpy(columns),
        len(captions),
        max(lengths),
    )


def picture_batches(
    pictures: int, batch: int, random: np.random.Generator
) -> Iterator[np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """The places of all pictures in a random order, `batch` at a time; the last may be smaller."""
    order = random.permutation(pictures)
    for start in range(0, pictures, batch):
        yield order[start : start + batch]


def chosen_captions(own: Sequence[Ids], count: int, random: np.random.Generator) -> list[Ids]:
    """`count` captions of a picture: different ones as far as there are, then again."""
    order = random.permutation(len(own))
    return [own[order[place % len(own)]] for place in range(count)]
