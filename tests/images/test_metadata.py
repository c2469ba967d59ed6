"""What a picture says of itself is kept as it stands; garbage is left out."""

from __future__ import annotations

import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from PIL import ExifTags, Image

from clipsearch.values import ImageInfo, Pixels

Encode = Callable[..., bytes]
Read = Callable[[bytes], tuple[ImageInfo, Pixels]]
InfoOf = Callable[[dict[int, Any]], ImageInfo]

MAKE, MODEL, TIME = 0x010F, 0x0110, 0x0132
ORIGINAL, DIGITIZED, ORIGINAL_OFFSET = 0x9003, 0x9004, 0x9011
DETAILS, GPS = ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo


@pytest.fixture
def info_of(encode: Encode, read: Read) -> InfoOf:
    """{EXIF tag or directory: value} -> what is known of a JPEG with them."""

    def info(tags: dict[int, Any]) -> ImageInfo:
        exif = Image.Exif()
        for tag, value in tags.items():
            if isinstance(value, dict):
                exif.get_ifd(tag).update(value)
            else:
                exif[tag] = value
        return read(encode(Image.new("RGB", (8, 8)), "JPEG", exif=exif))[0]

    return info


def test_a_picture_without_exif_says_nothing(encode: Encode, read: Read) -> None:
    data = encode(Image.new("RGB", (9, 8)), "JPEG")
    info, _ = read(data)
    assert (info.taken, info.camera, info.latitude, info.longitude) == (None,) * 4
    assert (info.width, info.height, info.bytes) == (9, 8, len(data))


def test_the_time_of_the_shot_comes_first(info_of: InfoOf) -> None:
    times = {ORIGINAL: "2019:07:04 12:30:01", DIGITIZED: "2020:01:01 00:00:00"}
    info = info_of({DETAILS: times, TIME: "2021:01:01 00:00:00"})
    assert info.taken == datetime(2019, 7, 4, 12, 30, 1)


def test_an_offset_gives_the_time_its_zone(info_of: InfoOf) -> None:
    info = info_of({DETAILS: {ORIGINAL: "2019:07:04 12:30:01", ORIGINAL_OFFSET: "+02:00"}})
    assert info.taken == datetime(2019, 7, 4, 12, 30, 1, tzinfo=timezone(timedelta(hours=2)))
    assert info.taken.astimezone(UTC).hour == 10


def test_a_bad_offset_leaves_the_time_without_zone(info_of: InfoOf) -> None:
    info = info_of({DETAILS: {ORIGINAL: "2019:07:04 12:30:01", ORIGINAL_OFFSET: "noon"}})
    assert info.taken == datetime(2019, 7, 4, 12, 30, 1)


def test_other_times_stand_in_for_a_bad_one(info_of: InfoOf) -> None:
    times = {ORIGINAL: "0000:00:00 00:00:00", DIGITIZED: "2020:02:03 04:05:06"}
    assert info_of({DETAILS: times}).taken == datetime(2020, 2, 3, 4, 5, 6)
    assert info_of({TIME: "2020:02:03 04:05:06"}).taken == datetime(2020, 2, 3, 4, 5, 6)


@pytest.mark.parametrize("text", ["", "    :  :     :  :  ", "yesterday", "0001:01:01 00:00:00"])
def test_a_time_that_is_none_is_left_out(text: str, info_of: InfoOf) -> None:
    assert info_of({TIME: text}).taken is None


@pytest.mark.parametrize(
    ("make", "model", "camera"),
    [
        ("Canon", "Canon EOS 5D", "Canon EOS 5D"),
        ("NIKON", "Coolpix", "NIKON Coolpix"),
        ("Apple\0\0", " iPhone 15 ", "Apple iPhone 15"),
        ("", "Holga", "Holga"),
        ("Leica", "", "Leica"),
        ("", "", None),
    ],
)
def test_the_camera_is_named_once(
    make: str, model: str, camera: str | None, info_of: InfoOf
) -> None:
    assert info_of({MAKE: make, MODEL: model}).camera == camera


# Row 18
def test_the_text_of_a_camera_is_kept_raw(info_of: InfoOf) -> None:
    assert info_of({MAKE: "\x1b]0;pwned\x07<script>"}).camera == "\x1b]0;pwned\x07<script>"


def test_a_position_is_given_in_signed_degrees(info_of: InfoOf) -> None:
    info = info_of({GPS: {1: "S", 2: (33.0, 51.0, 24.5), 3: "E", 4: (151.0, 12.0, 36.0)}})
    assert info.latitude == pytest.approx(-33.856806)
    assert info.longitude == pytest.approx(151.21)


@pytest.mark.parametrize(
    "gps",
    [
        {1: "N", 2: (95.0, 0.0, 0.0), 3: "E", 4: (10.0, 0.0, 0.0)},
        {1: "N", 2: (10.0, 0.0, 0.0), 3: "E", 4: (190.0, 0.0, 0.0)},
        {1: "N", 2: (0.0, 0.0, 0.0), 3: "E", 4: (0.0, 0.0, 0.0)},
        {1: "up", 2: (10.0, 0.0, 0.0), 3: "E", 4: (10.0, 0.0, 0.0)},
        {2: (10.0, 0.0, 0.0), 4: (10.0, 0.0, 0.0)},
        {1: "N", 2: (10.0, 0.0), 3: "E", 4: 7.0},
    ],
)
def test_a_position_that_is_none_is_left_out(gps: dict[int, Any], info_of: InfoOf) -> None:
    info = info_of({GPS: gps})
    assert (info.latitude, info.longitude) == (None, None)


def exif_directory(entries: list[tuple[int, int, int, int]], following: int) -> bytes:
    """An EXIF block with one directory of (tag, type, count, value), little-endian."""
    rows = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    count = struct.pack("<H", len(entries))
    return b"Exif\0\0II*\0" + struct.pack("<I", 8) + count + rows + struct.pack("<I", following)


# Row 17
def test_a_directory_that_contains_itself_is_read_once(
    cat: Image.Image, encode: Encode, read: Read
) -> None:
    looping = exif_directory([(0x8769, 4, 1, 8), (0x8825, 4, 1, 8)], following=8)
    info, _ = read(encode(cat, "JPEG", exif=looping))
    assert (info.width, info.height, info.taken, info.latitude) == (451, 300, None, None)


# Row 17
@pytest.mark.filterwarnings("ignore:Tag data larger than file")
def test_a_directory_of_lies_is_ignored(cat: Image.Image, encode: Encode, read: Read) -> None:
    lies = exif_directory([(0x0112, 3, 0xFFFFFFFF, 6), (MAKE, 2, 0x7FFFFFFF, 9)] * 2000, 0)
    info, _ = read(encode(cat, "JPEG", exif=lies))
    assert (info.width, info.height, info.camera) == (451, 300, None)


def test_exif_that_is_garbage_is_ignored(cat: Image.Image, encode: Encode, read: Read) -> None:
    info, _ = read(encode(cat, "JPEG", exif=b"Exif\0\0" + bytes(range(256)) * 4))
    assert (info.width, info.height, info.notes) == (451, 300, ())
