"""Which captions a step has of its pictures."""

import numpy as np
import torch

from clipsearch.training.batches import Batch
from clipsearch.training.lessons import Captions

CAPTIONS = Captions(torch.arange(9.0)[:, None], np.array([0, 2, 5, 6]))
BATCH = Batch(np.array([2, 0, 3]), np.zeros(3, np.int64), np.array([0, 1, 2]))


def test_one_drawn_caption_of_each() -> None:
    assert CAPTIONS.places(BATCH).tolist() == [5, 1, 8]


def test_every_caption_of_each_and_whose_it_is() -> None:
    places, owner = CAPTIONS.every(BATCH)
    assert places.tolist() == [5, 0, 1, 6, 7, 8]
    assert owner.tolist() == [0, 1, 1, 2, 2, 2]
