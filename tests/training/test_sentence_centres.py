"""Centres of clusters of sentences."""

from __future__ import annotations

import numpy as np

from clipsearch.towers.pair import of_unit_length
from clipsearch.training.sentence_centres import centres_of


def test_each_cluster_has_its_centre_and_the_same_seed_the_same_ones() -> None:
    random = np.random.default_rng(0)
    directions = np.linalg.qr(random.normal(size=(16, 16)))[0][:4]
    noisy = np.repeat(directions, 100, axis=0) + random.normal(size=(400, 16)) / 50
    rows = of_unit_length(noisy)
    found = centres_of(rows, 4, seed=1)
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
    assert np.allclose((found @ directions.T).max(axis=0), 1, atol=1e-3)
    assert np.array_equal(found, centres_of(rows, 4, seed=1))
