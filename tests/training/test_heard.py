"""Sentences stand for pictures that nobody has."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_captioner import COLOURS, SMALL, silent, squares_plan

from clipsearch.towers.builtin import BUILTIN_FOLDER
from clipsearch.towers.folder import read_tower_folder
from clipsearch.training.captioner.heard import Heard, heard
from clipsearch.training.captioner.run import train_captioner
from clipsearch.training.captioner.settings import Stage

SENTENCES = ["a dog runs on the beach", "a kitchen", "two men climb a steep rock in the sun"]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    """Embeddings of pictures, all about one place."""
    rows = np.random.default_rng(0).normal(size=(20, 640)) * 0.01
    rows[:, 3] += 1
    return rows.astype(np.float32)


@pytest.fixture(scope="module")
def found(cache: Path, pictures: np.ndarray) -> Heard:
    return heard(read_tower_folder(BUILTIN_FOLDER), SENTENCES, pictures, cache, 1)


def test_a_sentence_is_embedded_as_a_query_would_be(found: Heard, tmp_path: Path) -> None:
    from clipsearch.towers import load_towers

    wanted = load_towers("builtin", tmp_path).embed_texts(SENTENCES)
    near = (found.embeddings.astype(np.float32) * wanted).sum(axis=1)
    assert (near > 0.98).all()  # int8 takes its scale from all that runs together


def test_sentences_are_brought_to_where_pictures_lie(found: Heard, pictures: np.ndarray) -> None:
    rows = found.as_seen(np.array([0, 1, 2] * 50), np.random.default_rng(0)).numpy()
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    mean = rows.mean(axis=0)
    assert mean @ pictures.mean(axis=0) > 0.5 * np.linalg.norm(mean)
    first, again = rows[0], rows[3]
    assert 0.3 < first @ again < 0.99  # the same sentence, another noise


def test_sentences_are_embedded_once(found: Heard, cache: Path, pictures: np.ndarray) -> None:
    def hear(_done: int, _of: int) -> None:
        pytest.fail("embedded again")

    again = heard(read_tower_folder(BUILTIN_FOLDER), SENTENCES, pictures, cache, 1, hear)
    assert np.array_equal(again.embeddings, found.embeddings)


def test_a_captioner_learns_from_sentences_before_pictures(
    squares_captioner: Path, tmp_path: Path
) -> None:
    sentences = tmp_path / "sentences.csv"
    texts = [f"a {colour} {thing}" for colour in COLOURS for thing in ("square", "dog", "hat")]
    sentences.write_text("caption\n" + "\n".join(texts) + "\n")
    settings = replace(SMALL, sentences=Stage(3, 3, 2e-3), pictures=Stage(1, 6, 2e-3))
    table = squares_captioner.parent / "squares.csv"
    plan = replace(squares_plan(table, tmp_path / "captioner", settings), sentences=sentences)
    reached = train_captioner(plan, silent)
    assert reached.epoch == 4
    with (plan.run.path / "epochs.csv").open() as file:
        losses = [float(row["loss"]) for row in csv.DictReader(file)]
    assert losses[2] < losses[0]
    assert len(list((plan.run.path / "cache").glob("sentences-*.npy"))) == 1
