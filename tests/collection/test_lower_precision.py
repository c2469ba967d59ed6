"""A lower precision is held against fp32 until it was held once, however the pictures come."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image as PillowImage
from towers.tiny_folder import DIM, describe, image_model, write_tiny_folder

from clipsearch import Addition, Collection, IngestOptions, TowerOptions
from clipsearch.catalogue import Catalogue
from clipsearch.errors import PrecisionRefused
from clipsearch.ingest import precision_held

Open = Callable[[], Collection]


@pytest.fixture
def faithless(home: Path, tmp_path: Path) -> Open:
    """A collection at int8 whose int8 file has nothing to do with its fp32 file."""
    return opener(home, tmp_path / "tower", seed=5)


@pytest.fixture
def faithful(home: Path, tmp_path: Path) -> Open:
    """A collection at int8 whose int8 file says what its fp32 file says."""
    return opener(home, tmp_path / "tower", seed=0)


def opener(home: Path, tower: Path, seed: int) -> Open:
    write_tiny_folder(tower)
    model = onnx.load(tower / "image.onnx")
    if seed:
        model = image_model(np.random.default_rng(seed).normal(size=(3, DIM)))
    onnx.save(model, tower / "image.int8.onnx")
    describe(tower, ("image.onnx", "image.int8.onnx", "text.onnx", "vocab.txt"))
    return lambda: Collection(home=home, model=str(tower), options=TowerOptions("int8"))


def noise(count: int) -> list[PillowImage.Image]:
    """Pictures of colours that differ."""
    colours = np.random.default_rng(0).integers(0, 256, (count, 3)).tolist()
    return [PillowImage.new("RGB", (24, 32), tuple(colour)) for colour in colours]


def save(pictures: Path, count: int) -> None:
    for number, image in enumerate(noise(count)):
        image.save(pictures / f"{number:02}.png")


def test_a_refused_precision_leaves_no_collection(faithless: Open, pictures: Path) -> None:
    save(pictures, 20)
    with pytest.raises(PrecisionRefused, match="first 20 pictures"):
        faithless().ingest([pictures])
    assert not faithless().exists


def test_a_first_picture_alone_does_not_open_the_door_to_the_others(
    faithless: Open, pictures: Path
) -> None:
    save(pictures, 1)
    assert faithless().ingest([pictures]).added == 1
    save(pictures, 20)
    with pytest.raises(PrecisionRefused, match=r"`clipsearch migrate .*--precision fp32`"):
        faithless().ingest()
    assert len(faithless()) == 1


def test_the_pictures_of_a_remembered_hidden_folder_are_asked_too(
    faithless: Open, pictures: Path
) -> None:
    (pictures / ".hidden").mkdir()
    save(pictures / ".hidden", 1)
    faithless().ingest([pictures], IngestOptions(hidden=True))
    save(pictures / ".hidden", 20)
    with pytest.raises(PrecisionRefused):
        faithless().ingest()


def test_pictures_that_are_not_files_are_asked_too(faithless: Open) -> None:
    with pytest.raises(PrecisionRefused, match="first 20 pictures"):
        faithless().add(Addition(image) for image in noise(20))
    assert not faithless().exists


def test_an_added_picture_does_not_open_the_door_to_a_folder(
    faithless: Open, pictures: Path
) -> None:
    faithless().add([Addition(noise(1)[0])])
    save(pictures, 20)
    with pytest.raises(PrecisionRefused):
        faithless().ingest([pictures])


def test_a_precision_that_held_once_is_remembered(faithful: Open, pictures: Path) -> None:
    save(pictures, 11)
    assert faithful().ingest([pictures]).added == 11
    with Catalogue.open(faithful().folder) as catalogue:
        assert precision_held(catalogue)


def test_ten_pictures_are_too_few_to_be_sure(faithful: Open, pictures: Path) -> None:
    save(pictures, 10)
    assert faithful().ingest([pictures]).added == 10
    with Catalogue.open(faithful().folder) as catalogue:
        assert not precision_held(catalogue)


def test_copies_are_not_asked_for_one_another(faithful: Open, pictures: Path) -> None:
    """Which of two copies is nearer is chance: ten pictures stay ten."""
    save(pictures, 10)
    for picture in list(pictures.iterdir()):
        shutil.copy(picture, pictures / f"copy-of-{picture.name}")
    with faithful() as collection:
        collection.ingest([pictures])
        assert not precision_held(Catalogue.open(collection.folder))


def test_all_pictures_that_are_not_files_come_in_after_the_check(faithful: Open) -> None:
    images = faithful().add(Addition(image) for image in noise(50))
    assert len({image.id for image in images}) == 50
