"""A captioner says what it sees, the same each time, and without torch."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from explanation.tiny_spatial import write_spatial_folder
from PIL import Image
from tiny_captioner import COLOURS, draw_square

from clipsearch.captioning import Captioner, Manner
from clipsearch.captioning.folder import read_captioner_folder
from clipsearch.captioning_errors import CaptionerMismatch, CaptionerMissing
from clipsearch.images import Picture, decode_picture
from clipsearch.towers.builtin import BUILTIN_FOLDER
from clipsearch.towers.folder import read_tower_folder
from clipsearch.values import Pixels


@pytest.fixture(scope="module")
def captioner(squares_captioner: Path) -> Captioner:
    return Captioner(squares_captioner, threads=1)


@pytest.fixture(scope="module")
def squares(tmp_path_factory: pytest.TempPathFactory, captioner: Captioner) -> Pixels:
    """A square of each colour that the captioner has not seen."""
    folder = tmp_path_factory.mktemp("new")
    paths = [draw_square(folder / f"{name}.png", name, 77) for name in COLOURS]
    return np.concatenate([seen(captioner, path) for path in paths])


def seen(captioner: Captioner, picture: Picture) -> Pixels:
    return decode_picture(picture, captioner.preprocessing).pixels[np.newaxis]


def confidences(captioner: Captioner, pictures: Pixels) -> list[float]:
    """How sure it is of each picture; the built-in captioner always knows."""
    found = [each.confidence for each in captioner.write(pictures)]
    return [each for each in found if each is not None]


def test_it_tells_the_colour_of_squares_it_has_not_seen(
    captioner: Captioner, squares: Pixels
) -> None:
    captions = [each.text for each in captioner.write(squares)]
    assert all(colour in text for colour, text in zip(COLOURS, captions, strict=True)), captions
    assert all(text[0].isupper() for text in captions)


def test_by_beams_a_caption_does_not_depend_on_what_stands_beside_it(
    captioner: Captioner, squares: Pixels
) -> None:
    together = captioner.write(squares)
    alone = [captioner.write(squares[at : at + 1])[0] for at in range(len(squares))]
    assert [each.text for each in together] == [each.text for each in alone]


def test_by_chance_equal_seeds_give_equal_captions(captioner: Captioner, squares: Pixels) -> None:
    one, same, other = (
        [each.text for each in captioner.write(squares, Manner(nucleus=1.0, seed=seed))]
        for seed in (1, 1, 3)
    )
    assert one == same
    assert one != other


def test_pictures_without_content_have_a_lower_confidence(
    captioner: Captioner, squares: Pixels
) -> None:
    black = np.zeros((1, *squares.shape[1:]), np.uint8)
    tiny = seen(captioner, np.array([[[200, 30, 30]]], np.uint8))
    least = min(confidences(captioner, squares))
    assert confidences(captioner, black)[0] < least
    assert confidences(captioner, tiny)[0] < least


def test_another_image_tower_is_refused(squares_captioner: Path, tmp_path: Path) -> None:
    other = write_spatial_folder(tmp_path / "tower")
    with pytest.raises(CaptionerMismatch) as refused:
        Captioner(squares_captioner, other)
    assert refused.value.trained_on == read_tower_folder(BUILTIN_FOLDER).name


def test_a_damaged_captioner_is_refused(squares_captioner: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(squares_captioner, copy)
    step = copy / "captioner.step.onnx"
    step.write_bytes(step.read_bytes()[:-1] + b"\0")
    with pytest.raises(CaptionerMissing, match="sha256"):
        Captioner(copy)


def test_a_folder_without_a_captioner_is_named(tmp_path: Path) -> None:
    with pytest.raises(CaptionerMissing, match=r"captioner\.json"):
        Captioner(tmp_path)


def test_captions_are_written_without_torch(squares_captioner: Path, tmp_path: Path) -> None:
    picture = tmp_path / "x.png"
    Image.new("RGB", (20, 20), "red").save(picture)
    program = (
        "import sys; from pathlib import Path; from clipsearch.captioning import Captioner\n"
        "from clipsearch.images import decode_picture\n"
        "captioner = Captioner(Path(sys.argv[1]))\n"
        "pixels = decode_picture(sys.argv[2], captioner.preprocessing).pixels\n"
        "assert captioner.write(pixels[None])[0].text\n"
        "assert not {'torch', 'onnx', 'sqlalchemy'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program, squares_captioner, picture], check=True)


def test_one_that_was_calibrated_without_the_fit_is_still_read(
    squares_captioner: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "earlier"
    shutil.copytree(squares_captioner, folder)
    described = json.loads((folder / "captioner.json").read_bytes())
    described["calibration"]["weights"] = [1.0, 2.0, 3.0]
    (folder / "captioner.json").write_text(json.dumps(described))
    assert read_captioner_folder(folder).calibration.weights == (1.0, 2.0, 3.0, 0.0)
