"""The background is what everyday texts score, and the curve is held against it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from clipsearch.calibration import (
    Background,
    background_texts,
    evidence,
    measure_background,
    probabilities,
    shipped_embeddings,
)
from clipsearch.calibration.background import SAMPLE
from clipsearch.towers import load_towers
from clipsearch.towers.pair import of_unit_length
from clipsearch.values import Embeddings

DIM = 16


def drawn(count: int, seed: int) -> Embeddings:
    return of_unit_length(np.random.default_rng(seed).normal(size=(count, DIM)))


def measured(pictures: Embeddings, parts: int = 1) -> Background:
    ids = np.arange(1, len(pictures) + 1)
    chunks = zip(np.array_split(ids, parts), np.array_split(pictures, parts), strict=True)
    found = measure_background(drawn(40, 1), chunks, len(pictures))
    assert found is not None
    return found


def test_nothing_is_measured_of_an_empty_collection() -> None:
    empty = (np.empty(0, np.int64), np.empty((0, DIM), np.float32))
    assert measure_background(drawn(40, 1), [empty], 0) is None


def test_the_chunks_do_not_change_what_is_measured() -> None:
    pictures = drawn(1_500, 2)
    whole, parts = measured(pictures), measured(pictures, parts=7)
    for name in type(whole.figures).__dataclass_fields__:
        assert getattr(parts.figures, name) == pytest.approx(getattr(whole.figures, name), rel=1e-5)
    assert np.array_equal(whole.sample, parts.sample)


def test_the_sample_is_of_the_whole_collection_and_bounded() -> None:
    pictures = drawn(3 * SAMPLE + 5, 3)
    sample = measured(pictures, parts=3).sample
    assert SAMPLE // 2 < len(sample) <= SAMPLE
    places = [int(np.flatnonzero((pictures == row).all(axis=1))[0]) for row in sample]
    assert np.ptp(np.diff(places)) == 0


def test_a_nearer_picture_of_the_same_standing_is_more_probable() -> None:
    background = measured(drawn(200, 4))
    query = drawn(1, 5)[0]
    far = of_unit_length(drawn(1, 6))
    near = of_unit_length(far + 0.8 * query)
    assert probabilities(background, query, near) > probabilities(background, query, far)


def test_a_picture_that_is_near_to_every_text_is_less_probable_than_its_cosine_looks() -> None:
    query, texts = drawn(1, 7)[0], drawn(40, 1)
    pictures = drawn(200, 8)
    background = measured(pictures)
    lone = pictures[:1] - (pictures[:1] @ query)[:, np.newaxis] * query + 0.5 * query
    crowd = lone + 2.0 * texts.mean(axis=0)
    crowd -= (crowd @ query - 0.5)[:, np.newaxis] * query
    columns = evidence(background, query, np.concatenate([lone, crowd]).astype(np.float32))
    assert columns[0, 0] == pytest.approx(columns[1, 0], abs=1e-4)
    assert columns[0, 1] > columns[1, 1]


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_few_pictures_have_probabilities(count: int) -> None:
    pictures = drawn(count, 9)
    told = probabilities(measured(pictures), drawn(1, 10)[0], pictures)
    assert told.shape == (count,)
    assert np.isfinite(told).all()
    assert ((told >= 0) & (told <= 1)).all()


def test_the_shipped_embeddings_are_the_built_in_towers(tmp_path: Path) -> None:
    tower = load_towers("builtin", tmp_path)
    shipped = shipped_embeddings(tower.identity.digest)
    assert shipped is not None, "run benchmarks/background_texts.py"
    assert shipped.shape == (len(background_texts()), tower.identity.dim)
    some = [0, 100, len(shipped) - 1]
    fresh = tower.embed_texts([background_texts()[place] for place in some])
    assert np.vecdot(fresh, shipped[some]) == pytest.approx(1.0, abs=0.02)


def test_no_background_text_is_there_twice() -> None:
    assert len(set(background_texts())) == len(background_texts())
