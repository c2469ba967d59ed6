"""Pictures that are near to every sentence give way to the one that is meant."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from clipsearch.calibration import Hubness, hubness_of
from clipsearch.calibration import hubness as shipped
from clipsearch.search.hubs import PictureScores, RememberedHubs, SampledHubs
from clipsearch.towers import load_towers
from clipsearch.values import Embeddings

DIM = 64


def unit(rows: NDArray[np.float64]) -> Embeddings:
    return np.asarray(rows / np.linalg.norm(rows, axis=-1, keepdims=True), np.float32)


@pytest.fixture
def space() -> tuple[Hubness, Embeddings]:
    """Sentences that lean one way, and pictures of which the first leans that way, too."""
    random = np.random.default_rng(0)
    lean = np.eye(DIM)[0] * 6
    centres = unit(random.normal(size=(40, DIM)) + lean)
    pictures = random.normal(size=(200, DIM))
    pictures[0] += lean
    return Hubness(centres), unit(pictures)


def test_a_picture_near_to_every_sentence_is_the_greatest_hub(
    space: tuple[Hubness, Embeddings],
) -> None:
    hubness, pictures = space
    assert int(hubness.of(pictures).argmax()) == 0


def test_the_hub_gives_way_to_the_picture_that_is_meant(space: tuple[Hubness, Embeddings]) -> None:
    hubness, pictures = space
    query = unit(0.55 * pictures[7].astype(np.float64) + 0.6 * pictures[0])
    cosines = pictures @ query
    assert int(cosines.argmax()) == 0
    scores = PictureScores.of(query, pictures, SampledHubs.of(hubness, pictures))
    assert int(scores.evidence(cosines, scores.counted(pictures)).argmax()) == 7


def test_without_centres_the_order_is_that_of_the_cosines(
    space: tuple[Hubness, Embeddings],
) -> None:
    _, pictures = space
    cosines = pictures @ pictures[3]
    scores = PictureScores.of(pictures[3], pictures, None)
    order = scores.evidence(cosines, scores.counted(pictures)).argsort()
    assert order.tolist() == cosines.argsort().tolist()


def test_nothing_is_worth_more_than_its_cosine_allows(space: tuple[Hubness, Embeddings]) -> None:
    hubness, pictures = space
    sample = pictures[::3]
    for query in pictures[:20]:
        cosines = pictures @ query
        scores = PictureScores.of(query, sample, SampledHubs.of(hubness, sample))
        worth = scores.evidence(cosines, scores.counted(pictures))
        for cosine, own in zip(cosines.tolist(), worth.tolist(), strict=True):
            assert own <= scores.at_most(cosine) + 1e-5


def test_equal_pictures_are_equal_hubs_whatever_stands_beside_them(
    space: tuple[Hubness, Embeddings],
) -> None:
    hubness, pictures = space
    together = hubness.of(pictures)
    for row in range(0, len(pictures), 17):
        assert hubness.of(pictures[row : row + 1])[0] == together[row]
    assert np.allclose(together, hubness.among(pictures), atol=1e-6)


def test_a_sample_that_is_another_is_looked_at_anew(
    home: Path, space: tuple[Hubness, Embeddings]
) -> None:
    hubs = RememberedHubs(load_towers("builtin", home).identity.digest)
    random = np.random.default_rng(1)
    one, other = (unit(random.normal(size=(20, 640))) for _ in range(2))
    first = hubs.of(one)
    assert first is hubs.of(one.copy())
    assert first is not hubs.of(other)
    assert hubs.of(one[:0]) is None
    assert RememberedHubs("0" * 64).of(one) is None


def test_the_shipped_centres_are_those_of_the_shipped_tower(home: Path) -> None:
    identity = load_towers("builtin", home).identity
    (file,) = Path(shipped.__file__).parent.glob("centres-*.npy")
    assert file == shipped.centres_file(identity.digest)
    found = hubness_of(identity.digest)
    assert found is not None
    assert found.centres.shape == (512, identity.dim)
    assert np.allclose(np.linalg.norm(found.centres, axis=1), 1, atol=1e-3)


def test_a_tower_without_centres_has_no_hubness() -> None:
    assert hubness_of("0" * 64) is None
