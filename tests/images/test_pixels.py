"""Every kind of picture becomes the right RGB pixels, upright and of the tower's size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from typing import Literal

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps

from clipsearch.images import DecodeLimits
from clipsearch.images.colour import BACKGROUND
from clipsearch.images.decode import content_hash, decode, to_pixels
from clipsearch.values import ImageInfo, Pixels, Preprocessing

Encode = Callable[..., bytes]
Read = Callable[[bytes], tuple[ImageInfo, Pixels]]

ORIENTATION = 0x0112


def colour(pixels: Pixels) -> list[int]:
    """The one colour of a picture; fails if it has several."""
    (only,) = np.unique(pixels.reshape(-1, 3), axis=0)
    return [int(value) for value in only]


def difference(one: Pixels, other: Pixels) -> float:
    return float(np.abs(one.astype(np.int16) - other).mean())


# Row 11
def test_a_png_named_jpg_is_read_and_its_real_format_recorded(
    cat: Image.Image, encode: Encode, read: Read
) -> None:
    info, _ = read(encode(cat, "PNG"))
    assert info.format == "PNG"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "JPEG2000", "AVIF"])
def test_every_format_shows_the_same_photograph(
    kind: str, cat: Image.Image, encode: Encode, read: Read, small: Preprocessing
) -> None:
    info, pixels = read(encode(cat, kind))
    assert (info.format, info.width, info.height) == (kind, 451, 300)
    assert difference(pixels, to_pixels(cat, small)) < 3


def test_pixels_are_contiguous_bytes_of_the_towers_shape(
    cat: Image.Image, encode: Encode, read: Read
) -> None:
    _, pixels = read(encode(cat, "JPEG"))
    assert pixels.shape == (32, 32, 3)
    assert pixels.dtype == np.uint8
    assert pixels.flags["C_CONTIGUOUS"]


# Row 14
def test_transparent_pixels_show_the_background(encode: Encode, read: Read) -> None:
    for mode, clear in (("RGBA", (255, 0, 0, 0)), ("LA", (0, 0))):
        _, pixels = read(encode(Image.new(mode, (8, 8), clear), "PNG"))
        assert colour(pixels) == list(BACKGROUND)


# Row 14
def test_half_transparent_pixels_are_mixed_with_the_background(encode: Encode, read: Read) -> None:
    _, pixels = read(encode(Image.new("RGBA", (8, 8), (255, 0, 0, 128)), "PNG"))
    assert colour(pixels) == [255, 127, 127]


# Row 14
def test_a_transparent_entry_of_a_palette_shows_the_background(encode: Encode, read: Read) -> None:
    image = Image.new("P", (8, 8), 1)
    image.putpalette([0, 0, 0, 255, 0, 0])
    assert colour(read(encode(image, "PNG"))[1]) == [255, 0, 0]
    assert colour(read(encode(image, "PNG", transparency=1))[1]) == list(BACKGROUND)


def test_a_transparent_colour_of_an_rgb_picture_shows_the_background(
    encode: Encode, read: Read
) -> None:
    image = Image.new("RGB", (8, 8), (1, 2, 3))
    _, pixels = read(encode(image, "PNG", transparency=(1, 2, 3)))
    assert colour(pixels) == list(BACKGROUND)


# Row 14
def test_black_and_white_is_read(encode: Encode, read: Read) -> None:
    assert colour(read(encode(Image.new("1", (8, 8), 1), "PNG"))[1]) == [255, 255, 255]


# Row 14
def test_cmyk_is_read(encode: Encode, read: Read) -> None:
    _, pixels = read(encode(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "TIFF"))
    assert colour(pixels) == [255, 0, 0]


# Row 15
def test_sixteen_bit_grey_is_scaled_not_clipped(encode: Encode, read: Read) -> None:
    image = Image.fromarray(np.full((8, 8), 40_000, np.uint16))
    assert colour(read(encode(image, "PNG"))[1]) == [156, 156, 156]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.full((8, 8), 0.5, np.float32), {128}),
        (np.array([[-10.0, 30.0]] * 2, np.float32), {0, 255}),
        (np.array([[np.nan, 1.0]] * 2, np.float32), {0, 255}),
        (np.array([[0, 65_535]] * 2, np.int32), {0, 255}),
        (np.array([[-100_000, 100_000]] * 2, np.int32), {0, 255}),
    ],
)
def test_deep_greys_use_the_whole_range(
    values: Pixels, expected: set[int], encode: Encode, small: Preprocessing
) -> None:
    data = encode(Image.fromarray(values), "TIFF")
    as_it_is = replace(small, height=values.shape[0], width=values.shape[1])
    _, pixels = decode(data, content_hash(data), as_it_is, DecodeLimits())[:2]
    assert set(pixels.flatten().tolist()) == expected


# Row 16
@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_a_turned_picture_equals_the_upright_one(
    orientation: int, kind: str, cat: Image.Image, encode: Encode, read: Read
) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    options = {"lossless": True} if kind == "WEBP" else {}
    cat = cat.resize((120, 80))
    data = encode(cat, kind, exif=exif, **options)
    shown = cat.copy()
    shown.getexif()[ORIENTATION] = orientation
    upright = ImageOps.exif_transpose(shown)
    info, pixels = read(data)
    assert (info.width, info.height) == upright.size
    assert (pixels == read(encode(upright, "PNG"))[1]).all()


# Row 16
@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_a_turned_jpeg_is_turned_after_it_was_scaled(
    orientation: int, cat: Image.Image, encode: Encode, small: Preprocessing
) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    data = encode(cat.resize((1804, 1200)), "JPEG", exif=exif, quality=95)
    whole = replace(small, mode="longest")
    info, pixels = decode(data, content_hash(data), whole, DecodeLimits())[:2]
    shown = cat.copy()
    shown.getexif()[ORIENTATION] = orientation
    upright = ImageOps.exif_transpose(shown)
    assert (info.width, info.height) == (upright.width * 4, upright.height * 4)
    assert difference(pixels, to_pixels(upright, whole)) < 1.5


# Row 17
def test_an_impossible_orientation_is_ignored_and_noted(
    cat: Image.Image, encode: Encode, read: Read
) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 99
    info, pixels = read(encode(cat, "PNG", exif=exif))
    assert info.notes == ("bad_orientation",)
    assert (pixels == read(encode(cat, "PNG"))[1]).all()


def test_scaling_inside_the_jpeg_decoder_changes_next_to_nothing(
    cat: Image.Image, encode: Encode
) -> None:
    tower = Preprocessing(128, 128, "squash", "bicubic", (0.0,) * 3, (1.0,) * 3)
    big = cat.resize((3000, 2000), Image.Resampling.LANCZOS)
    jpeg = encode(big, "JPEG", quality=92)
    _, pixels = decode(jpeg, content_hash(jpeg), tower, DecodeLimits())[:2]
    with Image.open(BytesIO(jpeg)) as image:
        whole = to_pixels(image.convert("RGB"), tower)
    assert difference(pixels, whole) < 0.5


# Row 20
def test_a_bad_colour_profile_is_noted_and_not_used(
    cat: Image.Image, encode: Encode, read: Read
) -> None:
    info, pixels = read(encode(cat, "PNG", icc_profile=b"no profile" * 20))
    assert info.notes == ("bad_icc_profile",)
    assert (pixels == read(encode(cat, "PNG"))[1]).all()


def test_an_srgb_profile_changes_no_pixel(cat: Image.Image, encode: Encode, read: Read) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    info, pixels = read(encode(cat, "PNG", icc_profile=profile))
    assert info.notes == ()
    assert (pixels == read(encode(cat, "PNG"))[1]).all()


def test_another_profile_is_converted_to_srgb(encode: Encode, read: Read) -> None:
    swapped = swap_primaries(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    data = encode(Image.new("RGB", (8, 8), (255, 0, 0)), "PNG", icc_profile=swapped)
    info, pixels = read(data)
    assert info.notes == ()
    assert difference(pixels, np.full_like(pixels, 0) + np.array([0, 255, 0], np.uint8)) < 3


def swap_primaries(profile: bytes) -> bytes:
    """A profile in which red is called green and green red."""
    return profile.replace(b"rXYZ", b"????").replace(b"gXYZ", b"rXYZ").replace(b"????", b"gXYZ")


@pytest.mark.parametrize("mode", ["squash", "shortest", "longest"])
@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
@pytest.mark.parametrize("target", [(224, 224), (96, 160), (400, 400)])
def test_pixels_equal_those_of_open_clip(
    mode: Literal["squash", "shortest", "longest"],
    interpolation: Literal["bicubic", "bilinear"],
    target: tuple[int, int],
    cat: Image.Image,
) -> None:
    transform = pytest.importorskip("open_clip.transform", reason="needs clipsearch[torch]")
    none, one = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    theirs = transform.image_transform(
        target, False, none, one, resize_mode=mode, interpolation=interpolation, fill_color=7
    )
    ours = Preprocessing(*target, mode, interpolation, none, one, fill=7)
    for size in ((451, 300), (300, 451), (45, 300), (333, 333), (200, 17)):
        image = cat.resize(size)
        expected = np.rint(theirs(image).permute(1, 2, 0).numpy() * 255)
        assert np.abs(to_pixels(image, ours) - expected).max() <= 1, size
