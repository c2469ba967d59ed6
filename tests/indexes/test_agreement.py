"""How faithful the quantised index is at its defaults, on embeddings that hang together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from clipsearch.indexes import Generation, agreement_at_k, publish, recipe_named, scan
from clipsearch.values import Embeddings

N, D = 20_000, 128


def placed(draw: np.random.Generator, latent: Embeddings, shift: float) -> Embeddings:
    """Latent points on a sheet of falling strength, with noise, far along one direction."""
    strength: Embeddings = np.arange(1, latent.shape[1] + 1, dtype=np.float32) ** np.float32(-0.5)
    basis = np.random.default_rng(1).standard_normal((latent.shape[1], D), dtype=np.float32)
    rows = ((latent * strength) @ basis + shift).astype(np.float32)
    rows += 0.3 * draw.standard_normal(rows.shape, dtype=np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


@pytest.fixture(scope="module")
def images() -> Embeddings:
    """Clusters, as collections of photographs have them."""
    draw = np.random.default_rng(2)
    centres = draw.standard_normal((200, 48), dtype=np.float32)
    latent = centres[draw.integers(0, 200, N)]
    return placed(draw, latent + 0.7 * draw.standard_normal(latent.shape, dtype=np.float32), 1)


@pytest.fixture(scope="module")
def quantised(images: Embeddings, tmp_path_factory: pytest.TempPathFactory) -> Generation:
    """The images in a `pq` index at its defaults."""
    folder = tmp_path_factory.mktemp("quantised")
    return publish(folder, 1, recipe_named("pq"), [(np.arange(N), images)], {})


def test_it_agrees_with_exact_search_for_queries_like_images(
    images: Embeddings, quantised: Generation
) -> None:
    assert quantised.index.kind == "pq"
    queries = images[::400] + np.float32(0.02) * images[1::400]
    exact = scan(queries, images, np.arange(N), 10)
    assert agreement_at_k(quantised.index.search(queries, 10), exact) >= 0.99


def test_it_agrees_with_exact_search_for_queries_from_another_distribution(
    images: Embeddings, quantised: Generation
) -> None:
    draw = np.random.default_rng(3)
    texts = placed(draw, draw.standard_normal((100, 48), dtype=np.float32), -2)
    exact = scan(texts, images, np.arange(N), 10)
    assert agreement_at_k(quantised.index.search(texts, 10), exact) >= 0.99


def test_its_top_five_are_the_head_of_its_top_fifteen(
    images: Embeddings, quantised: Generation
) -> None:
    fifteen = quantised.index.search(images[:100], 15)
    five = quantised.index.search(images[:100], 5)
    np.testing.assert_array_equal(five.ids, fifteen.ids[:, :5])


def test_the_same_content_makes_the_same_index(
    images: Embeddings, quantised: Generation, tmp_path: Path
) -> None:
    again = publish(tmp_path, 1, recipe_named("pq"), [(np.arange(N), images)], {})
    ours, theirs = (held.folder / "index.faiss" for held in (again, quantised))
    assert ours.read_bytes() == theirs.read_bytes()
