"""One picture that a user or a program gives is decoded here and now, or refused with a reason."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clipsearch.errors import UnreadableQueryImage
from clipsearch.images import decode_picture
from clipsearch.values import Preprocessing, SkipCode

Encode = Callable[..., bytes]


def test_path_bytes_image_and_array_give_the_same_pixels(
    cat: Image.Image, encode: Encode, small: Preprocessing, tmp_path: Path
) -> None:
    data = encode(cat, "PNG")
    path = tmp_path / "cat.png"
    path.write_bytes(data)
    given = (path, str(path), data, cat, np.asarray(cat))
    first, *others = [decode_picture(picture, small) for picture in given]
    assert all((first.pixels == other.pixels).all() for other in others)


def test_a_path_is_kept_and_its_content_hashed(
    cat: Image.Image, encode: Encode, small: Preprocessing, tmp_path: Path
) -> None:
    path = tmp_path / "cat.png"
    path.write_bytes(encode(cat, "PNG"))
    decoded = decode_picture(path, small)
    assert decoded.path == path
    assert decoded.info.fingerprint == decode_picture(path.read_bytes(), small).info.fingerprint


def test_an_image_and_its_array_are_the_same_content(
    cat: Image.Image, small: Preprocessing
) -> None:
    of_image = decode_picture(cat, small).info
    assert of_image == decode_picture(np.asarray(cat), small).info
    assert (of_image.format, of_image.width, of_image.height) == ("PIXELS", 451, 300)


def test_arrays_of_one_content_and_two_shapes_differ(small: Preprocessing) -> None:
    wide, tall = np.zeros((2, 8, 3), np.uint8), np.zeros((8, 2, 3), np.uint8)
    assert (
        decode_picture(wide, small).info.fingerprint != decode_picture(tall, small).info.fingerprint
    )


def test_an_image_of_another_mode_is_left_as_it_was(small: Preprocessing) -> None:
    image = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    image.info["xmp"] = b"kept"
    assert decode_picture(image, small).pixels.min() == 255
    assert (image.mode, image.info) == ("RGBA", {"xmp": b"kept"})


@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 4), (1, 8, 8, 3), (0, 8, 3)])
def test_an_array_of_another_shape_is_a_mistake(
    shape: tuple[int, ...], small: Preprocessing
) -> None:
    with pytest.raises(ValueError, match="h, w, 3"):
        decode_picture(np.zeros(shape, np.uint8), small)


def test_an_array_of_another_type_is_a_mistake(small: Preprocessing) -> None:
    with pytest.raises(TypeError, match="uint8"):
        decode_picture(np.zeros((8, 8, 3), np.float32), small)


def test_an_array_beyond_the_limits_is_refused(small: Preprocessing) -> None:
    for picture in (np.zeros((1, 101, 3), np.uint8), Image.new("RGB", (101, 1))):
        with pytest.raises(UnreadableQueryImage) as caught:
            decode_picture(picture, small)
        assert caught.value.skip.code is SkipCode.BAD_RATIO


def test_what_is_no_picture_is_a_mistake(small: Preprocessing) -> None:
    with pytest.raises(TypeError, match="not int"):
        decode_picture(7, small)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("missing.jpg", SkipCode.UNREADABLE),
        ("folder.jpg", SkipCode.NOT_A_FILE),
        ("pipe.jpg", SkipCode.NOT_A_FILE),
        ("text.jpg", SkipCode.NOT_AN_IMAGE),
        ("x" * 300 + ".jpg", SkipCode.NAME_TOO_LONG),
        ("nul\0.jpg", SkipCode.UNREADABLE),
    ],
)
def test_a_path_that_cannot_be_read_says_why(
    name: str, code: SkipCode, small: Preprocessing, tmp_path: Path
) -> None:
    (tmp_path / "folder.jpg").mkdir()
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "text.jpg").write_text("no picture")
    with pytest.raises(UnreadableQueryImage) as caught:
        decode_picture(tmp_path / name, small)
    assert caught.value.skip.code is code
    assert caught.value.skip.path == tmp_path / name
    assert "give another picture" in str(caught.value)


def test_the_package_loads_no_decoder_until_a_picture_is_decoded() -> None:
    script = (
        "import sys; from clipsearch.images import *; "
        "print([name for name in sys.modules if name.split('.')[0] in ('PIL', 'pillow_heif')])"
    )
    found = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
    assert found.stdout.strip() == b"[]"
