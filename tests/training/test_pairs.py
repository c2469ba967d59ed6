"""Reading a training folder."""

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clipsearch.training.pairs import read_examples, read_pixels, squash

TABLE = """filepath,title,split
set/a.png,A red square .,train
set/a.png,"Red, all of it",train
set/b.png,A blue one,dev
"""


def _png(colour: tuple[int, int, int], size: tuple[int, int] = (30, 20)) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", size, colour).save(written, "PNG")
    return written.getvalue()


def test_the_captions_of_a_picture_come_together(tmp_path: Path) -> None:
    (tmp_path / "set.csv").write_text(TABLE)
    (example,) = read_examples(tmp_path / "set.csv", "train")
    assert example.image == "set/a.png"
    assert example.captions == ("A red square .", "Red, all of it")


def test_a_picture_in_two_splits_is_refused(tmp_path: Path) -> None:
    (tmp_path / "set.csv").write_text(TABLE + "set/a.png,again,dev\n")
    with pytest.raises(ValueError, match="two splits"):
        read_examples(tmp_path / "set.csv", "train")


def test_a_folder_and_a_tar_give_the_same_pixels(tmp_path: Path) -> None:
    folder, packed = tmp_path / "folder", tmp_path / "packed"
    (folder / "set").mkdir(parents=True)
    packed.mkdir()
    (folder / "set" / "a.png").write_bytes(_png((200, 10, 10)))
    with tarfile.open(packed / "set.tar", "w") as tar:
        tar.add(folder / "set" / "a.png", "set/a.png")
    (plain,), (unpacked,) = (
        list(read_pixels(each, ["set/a.png"], 224)) for each in (folder, packed)
    )
    assert plain.shape == (224, 224, 3)
    assert np.array_equal(plain, unpacked)


def test_the_whole_picture_is_squashed() -> None:
    picture = Image.new("RGB", (40, 10), (0, 0, 0))
    picture.paste((255, 255, 255), (20, 0, 40, 10))
    written = io.BytesIO()
    picture.save(written, "PNG")
    pixels = squash(written.getvalue(), 224)
    assert pixels[:, :100].max() < 10
    assert pixels[:, 124:].min() > 245


def test_a_picture_too_large_to_decode_is_refused() -> None:
    with pytest.raises(ValueError, match="too large"):
        squash(_png((0, 0, 0), (8200, 8200)), 224)
