"""A photo that is shown as of another class is seen as one by the tower itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_captioner import silent

from clipsearch.towers import load_towers
from clipsearch.towers.builtin import BUILTIN_FOLDER
from clipsearch.towers.folder import read_tower_folder
from clipsearch.towers.grid import GridTower
from clipsearch.training.captioner.exchanged import (
    Exchange,
    Head,
    class_sentences,
    exchange,
    shown_as,
)
from clipsearch.training.captioner.material import memories
from clipsearch.training.captioner.run import Plan, train_captioner
from clipsearch.training.captioner.sights import CachedSights, cached_sights
from clipsearch.training.captioner.vocabulary import END_ID, learn_vocabulary
from clipsearch.training.tuning.material import Pictured, PictureSet
from clipsearch.training.tuning.sources import read_set
from clipsearch.training_errors import ClassNamesUnusable

KNOWN = {1: "goldfish", 340: "zebra", 417: "balloon", 779: "school bus", 954: "banana"}
"""Some of ImageNet's classes by their places."""


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lines = ["background", *(f"{KNOWN.get(at, f'thing {at}')}, also {at}" for at in range(1000))]
    path = tmp_path_factory.mktemp("names") / "labels.txt"
    path.write_text("\n".join(lines) + "\n")
    return path


def crops(folder: Path, count: int) -> Iterator[Image.Image]:
    """Windows of photographs: how their features vary decides where a class lies."""
    random = np.random.default_rng(0)
    files = sorted([*folder.glob("*.png"), *folder.glob("*.jpg")])
    photos = [Image.open(each).convert("RGB") for each in files]
    photos = [each for each in photos if min(each.size) > 160]
    for number in range(count):
        photo = photos[number % len(photos)]
        left, top = (int(random.integers(0, side - 140)) for side in photo.size)
        yield photo.crop((left, top, left + 140, top + 140))


@pytest.fixture(scope="module")
def pictures(photographs: Path, tmp_path_factory: pytest.TempPathFactory) -> PictureSet:
    folder = tmp_path_factory.mktemp("pictures")
    said = ["A photo of a banana.", "a photo of a goldfish", "A red square ."]
    rows = ["filepath,title"]
    for number, crop in enumerate(crops(photographs, 150)):
        crop.save(folder / f"{number}.png")
        rows.append(f"{number}.png,{said[number] if number < len(said) else 'something'}")
    table = folder / "table.csv"
    table.write_text("\n".join(rows) + "\n")
    return read_set(str(table))


@pytest.fixture(scope="module")
def sights(pictures: PictureSet, tmp_path_factory: pytest.TempPathFactory) -> CachedSights:
    tower = GridTower(read_tower_folder(BUILTIN_FOLDER), 1)
    return cached_sights(tower, pictures.pictures, 1, tmp_path_factory.mktemp("sights"))


@pytest.fixture(scope="module")
def exchanged(names: Path, pictures: PictureSet, sights: CachedSights) -> Exchange:
    tokenizer = learn_vocabulary(["a photo of a banana", "zebra school bus balloon"] * 9, 80)
    return exchange(class_sentences(names), BUILTIN_FOLDER, pictures.pictures, sights, tokenizer)


def test_photos_are_known_by_their_captions(exchanged: Exchange) -> None:
    assert exchanged.photos.tolist() == [0, 1]
    assert len(exchanged.said) == 1000
    assert all(ids[-1] == END_ID for ids in exchanged.said)


def test_the_head_is_the_tower_s_own(sights: CachedSights) -> None:
    embeddings, places = memories(sights, np.arange(9), np.zeros(9, np.int64))
    found = Head.of(BUILTIN_FOLDER)(places.mean(1))
    assert torch.allclose(found, embeddings, atol=2e-3)  # kept as float16


def test_the_tower_sees_the_class_that_a_photo_is_shown_as(
    exchanged: Exchange, sights: CachedSights, home: Path
) -> None:
    places = list(KNOWN)
    few = replace(
        exchanged,
        anchors=replace(exchanged.anchors, offsets=exchanged.anchors.offsets[places]),
        said=[exchanged.said[each] for each in places],
    )
    (embeddings, shown), said = few.draw(sights, 40, np.random.default_rng(0))
    assert float(shown.min()) >= 0
    names = load_towers("builtin", home).embed_texts([f"a photo of a {n}" for n in KNOWN.values()])
    nearest = (embeddings.numpy() @ names.T).argmax(1)
    wanted = np.array([few.said.index(each) for each in said])
    assert len(set(wanted.tolist())) == len(KNOWN)
    assert np.mean(nearest == wanted) > 0.6  # a fifth by chance


def test_only_what_stands_out_is_exchanged() -> None:
    places = torch.full((1, 8, 3), 1.0)
    places[0, 2:4] = 4.0
    other = torch.tensor([[0.5, 0.0, -9.0]])
    shown = shown_as(places, other)
    assert torch.equal(shown[0, 4:], places[0, 4:])
    assert torch.equal(shown[0, :2], places[0, :2])
    assert torch.allclose(shown[0, 2:4], torch.tensor([[3.0, 1.0, 0.0]] * 2))
    assert torch.isfinite(shown_as(torch.zeros(1, 8, 3), other)).all()


def halves(whole: PictureSet) -> tuple[tuple[Pictured, ...], tuple[Pictured, ...]]:
    return whole.pictures[:9], whole.pictures[9:]


def test_labels_of_something_else_are_refused_before_anything_is_looked_at(
    pictures: PictureSet, tmp_path: Path
) -> None:
    labels = tmp_path / "few.txt"
    train, dev = (replace(pictures, pictures=each) for each in halves(pictures))
    plan = Plan("x", tmp_path / "out", train, dev, class_names=labels)
    for content, reason in (
        (b"background\ncat\ndog\n", "names 2 classes"),
        (b"\n" * 1001, "names 0 classes|names 1000 classes"),
        (b"\xff\xfe\n" * 1001, "decode"),
    ):
        labels.write_bytes(content)
        with pytest.raises(ClassNamesUnusable, match=reason):
            train_captioner(plan, silent)
    labels.unlink()
    with pytest.raises(ClassNamesUnusable, match="no such file"):
        class_sentences(labels)
    assert not plan.run.path.exists()


def test_photos_without_a_class_s_name_are_refused(
    names: Path, pictures: PictureSet, sights: CachedSights
) -> None:
    tokenizer = learn_vocabulary(["a photo"] * 9, 40)
    with pytest.raises(ClassNamesUnusable, match="a photo of a thing 0"):
        exchange(class_sentences(names), BUILTIN_FOLDER, pictures.pictures[2:9], sights, tokenizer)
