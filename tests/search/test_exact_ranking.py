"""The fused ranking is exact with hubness, too: whatever the pool, the first are the first."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from clipsearch.catalogue import Catalogue, transaction, writing
from clipsearch.filters import EVERYTHING, Filter
from clipsearch.ingest import bring_index_up
from clipsearch.search import Asked, Ranker, ranking
from clipsearch.towers import load_towers
from clipsearch.towers.pair import of_unit_length
from clipsearch.values import Embeddings, FoundFile, ImageInfo

PICTURES, COPIES = 400, 40


@pytest.fixture
def rows(home: Path) -> Embeddings:
    """Pictures that lean towards sentences by degrees, some of them twice."""
    tower = load_towers("builtin", home)
    random = np.random.default_rng(0)
    lean = tower.embed_texts(["people in the street"])[0]
    own = random.normal(size=(PICTURES, tower.identity.dim)) / 25
    own += random.uniform(0, 0.6, (PICTURES, 1)) * lean
    own[-COPIES:] = own[:COPIES]
    return of_unit_length(own)


@pytest.fixture
def ranker(home: Path, tmp_path: Path, rows: Embeddings) -> Iterator[Ranker]:
    """A collection of them, every other in a folder of its own."""
    folder = tmp_path / "collection"
    folder.mkdir()
    with Catalogue.create(folder, load_towers("builtin", home).identity) as catalogue:
        with catalogue.writer() as connection, transaction(connection):
            for number, row in enumerate(rows):
                info = ImageInfo(number.to_bytes(32, "big"), "JPEG", 8, 8, 100)
                image_id = writing.insert_image(connection, info, row)
                place = Path("/photos") / ("odd" if number % 2 else "even") / f"{number}.jpg"
                writing.put_file(connection, FoundFile(place, 100, 1), image_id)
        bring_index_up(catalogue, folder)
        yield Ranker(catalogue, folder)


def asked(query: Embeddings, k: int, min_score: float | None = None) -> Asked:
    return Asked(query, {}, "fused", k, min_score)


def found(ranker: Ranker, what: Asked, where: Filter = EVERYTHING) -> list[tuple[int, float]]:
    return [(hit.image.id, hit.rank_score) for hit in ranker.hits(what, where)]


@pytest.fixture
def queries(home: Path) -> Embeddings:
    texts = ["people in the street", "a crowd of people", "a street at night", "a cat"]
    return load_towers("builtin", home).embed_texts(texts)


def test_the_first_are_the_same_however_many_are_asked_for(
    ranker: Ranker, queries: Embeddings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranking, "DEPTH", 2)  # so that the pool has to grow
    for query in queries:
        whole = found(ranker, asked(query, PICTURES))
        assert len(whole) == PICTURES
        for k in (1, 5, 15, 60):
            assert found(ranker, asked(query, k)) == whole[:k]


def test_hubness_decides_and_not_the_cosine_alone(ranker: Ranker, queries: Embeddings) -> None:
    hits = ranker.hits(asked(queries[0], PICTURES), EVERYTHING)
    scores = [hit.score for hit in hits]
    assert scores != sorted(scores, reverse=True)
    assert all(hit.signals.picture and hit.signals.picture.hubness for hit in hits)


def test_a_filter_leaves_the_order_as_it_is(
    ranker: Ranker, queries: Embeddings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranking, "DEPTH", 2)
    odd = Filter(under=(Path("/photos/odd"),))
    for query in queries:
        whole = [each for each in found(ranker, asked(query, PICTURES)) if each[0] % 2 == 0]
        assert found(ranker, asked(query, 20), odd) == whole[:20]


def test_a_least_score_is_of_the_cosine(
    ranker: Ranker, queries: Embeddings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranking, "DEPTH", 2)
    for query in queries:
        hits = ranker.hits(asked(query, PICTURES), EVERYTHING)
        least = sorted(hit.score for hit in hits)[PICTURES // 2]
        kept = [(hit.image.id, hit.rank_score) for hit in hits if hit.score >= least]
        assert found(ranker, asked(query, 30, least)) == kept[:30]
