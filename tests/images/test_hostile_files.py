"""Files that are not what they seem are refused by name, and harm nobody."""

from __future__ import annotations

import subprocess
import sys
import time
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from clipsearch.images import DecodeLimits, DecodePool, Scan, ScanRules
from clipsearch.values import FoundFile, ImageInfo, Pixels, Preprocessing, Skip, SkipCode

Encode = Callable[..., bytes]
Chunk = Callable[[bytes, bytes], bytes]
Png = Callable[..., bytes]
Read = Callable[[bytes], tuple[ImageInfo, Pixels]]
Refusal = Callable[..., SkipCode]

HTML = b"<!DOCTYPE html><html><body>404 not found</body></html>"


# Row 1
@pytest.mark.parametrize("data", [b"", bytes(1000), HTML, b"BMW is no bitmap"])
def test_what_is_no_picture_is_not_an_image(data: bytes, refusal: Refusal) -> None:
    assert refusal(data) is SkipCode.NOT_AN_IMAGE


# Rows 2 and 22
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "JPEG2000", "AVIF"])
def test_half_a_picture_is_truncated(
    kind: str, cat: Image.Image, encode: Encode, refusal: Refusal
) -> None:
    data = encode(cat, kind)
    assert refusal(data[: len(data) // 2]) in {SkipCode.TRUNCATED, SkipCode.NOT_AN_IMAGE}
    if kind not in ("TIFF", "JPEG2000"):  # their directory may stand in the half that is gone
        assert refusal(data[: len(data) // 2]) is SkipCode.TRUNCATED


def test_half_a_heic_is_truncated(cat: Image.Image, heic: bytes, refusal: Refusal) -> None:
    assert refusal(heic[: len(heic) // 2]) is SkipCode.TRUNCATED


# Row 3
def test_the_first_20_bytes_of_a_jpeg_are_not_an_image(
    cat: Image.Image, encode: Encode, refusal: Refusal
) -> None:
    assert refusal(encode(cat, "JPEG")[:20]) is SkipCode.NOT_AN_IMAGE


# Rows 4 and 5
@pytest.mark.parametrize("side", [20_000, 10_000])
def test_a_header_of_too_many_pixels_is_too_large(side: int, png: Png, refusal: Refusal) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert refusal(png(side, side, bytes(1000))) is SkipCode.TOO_LARGE


def test_the_pixel_limit_can_be_raised(png: Png, refusal: Refusal) -> None:
    data = png(1000, 1000, bytes(1000))
    assert refusal(data, DecodeLimits(max_megapixels=0.9)) is SkipCode.TOO_LARGE
    assert refusal(data, DecodeLimits(max_megapixels=1.0)) is SkipCode.TRUNCATED


# Row 6
def test_a_large_header_with_few_data_is_truncated(png: Png, refusal: Refusal) -> None:
    assert refusal(png(9000, 9000, bytes(1000))) is SkipCode.TRUNCATED


# Row 7
def test_a_picture_without_width_is_not_an_image(png: Png, refusal: Refusal) -> None:
    assert refusal(png(0, 100)) is SkipCode.NOT_AN_IMAGE


def compressed_text(chunk: Chunk, size: int) -> bytes:
    return chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(size), 9))


# Row 8
def test_a_text_bomb_is_bad_metadata(png: Png, chunk: Chunk, refusal: Refusal) -> None:
    body = bytes(10 * 31)
    assert refusal(png(10, 10, body, compressed_text(chunk, 50_000_000))) is SkipCode.BAD_METADATA


# Row 8
def test_a_text_bomb_takes_no_memory(tmp_path: Path, png: Png, chunk: Chunk) -> None:
    bomb = tmp_path / "bomb.png"
    bomb.write_bytes(png(10, 10, bytes(10 * 31), compressed_text(chunk, 50_000_000)))
    script = """
import resource, sys
from pathlib import Path
from PIL import Image
from clipsearch.images import DecodeLimits
from clipsearch.images.decode import decode
from clipsearch.refused import Refused
from clipsearch.values import Preprocessing
tower = Preprocessing(32, 32, "squash", "bicubic", (0, 0, 0), (1, 1, 1))
data = Path(sys.argv[1]).read_bytes()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    decode(data, b"", tower, DecodeLimits())
except Refused:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    command = [sys.executable, "-c", script, str(bomb)]
    grown = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert grown < 20_000, "kilobytes; the bomb unpacks to 50,000"


FOREIGN = {
    "EPS": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n",
    "DOS EPS": b"\xc5\xd0\xd3\xc6" + bytes(100),
    "PDF": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
    "PSD": b"8BPS\0\x01" + bytes(100),
    "FITS": b"SIMPLE  =                    T" + bytes(100),
    "GD": b"\xff\xfe\0\x0a\0\x0a\x01\xff\xff\xff\xff" + bytes(400),
    "SVG": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
    "SVG with a prologue": b'<?xml version="1.0"?>\n<!-- drawn -->\n<svg width="1"/>',
    "ICO": b"\0\0\x01\0\x01\0" + bytes(100),
    "PPM": b"P6\n2 2\n255\n" + bytes(12),
    "film": b"\0\0\0\x18ftypisom\0\0\0\0isommp41",
}


# Rows 9 and 10
@pytest.mark.parametrize("data", FOREIGN.values(), ids=FOREIGN.keys())
def test_other_formats_are_not_allowed(data: bytes, refusal: Refusal) -> None:
    assert refusal(data) is SkipCode.FORMAT_NOT_ALLOWED


# Row 9
def test_postscript_named_jpg_starts_no_ghostscript(tmp_path: Path, small: Preprocessing) -> None:
    ran = tmp_path / "ghostscript-ran"
    ghostscript = tmp_path / "bin" / "gs"
    ghostscript.parent.mkdir()
    ghostscript.write_text(f"#!/bin/sh\ntouch {ran}\n")
    ghostscript.chmod(0o755)
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    (pictures / "page.jpg").write_bytes(FOREIGN["EPS"])
    files = ((file, ()) for file in Scan(pictures, ScanRules()) if isinstance(file, FoundFile))
    environment = {"PATH": str(ghostscript.parent)}
    with DecodePool(small, DecodeLimits(), 1, environment) as pool:
        (answer,) = pool.decode(files)
    assert isinstance(answer, Skip)
    assert answer.code is SkipCode.FORMAT_NOT_ALLOWED
    assert not ran.exists()


# Row 12
def test_a_jpeg_with_an_archive_behind_it_is_read(
    cat: Image.Image, encode: Encode, read: Read
) -> None:
    data = encode(cat, "JPEG")
    info, pixels = read(data + b"PK\x03\x04" + bytes(1000))
    assert info.format == "JPEG"
    assert (pixels == read(data)[1]).all()


# Row 13
def test_of_a_gif_of_100_000_frames_only_the_first_is_read(encode: Encode, read: Read) -> None:
    red, blue = (Image.new("P", (16, 16)) for _ in range(2))
    red.putpalette([255, 0, 0] * 256)
    blue.putpalette([0, 0, 255] * 256)
    two = encode(red, "GIF", save_all=True, append_images=[blue], duration=20)
    second = two.index(b"\x21\xf9", two.index(b"\x21\xf9") + 1)
    started = time.monotonic()
    info, pixels = read(two[:second] + two[second:-1] * 99_999 + b"\x3b")
    assert time.monotonic() - started < 2
    assert info.notes == ("first_frame_of_many",)
    assert pixels.reshape(-1, 3).tolist() == [[255, 0, 0]] * 32 * 32


# Row 13
def test_of_a_webp_of_50_frames_only_the_first_is_read(encode: Encode, read: Read) -> None:
    first, *others = (Image.new("RGB", (16, 16), (5 * n, 0, 0)) for n in range(50))
    data = encode(first, "WEBP", save_all=True, append_images=others, lossless=True)
    info, pixels = read(data)
    assert info.notes == ("first_frame_of_many",)
    assert not pixels.any()


# Row 13
def test_a_webp_of_100_000_frames_is_read_in_time(encode: Encode, read: Read) -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    two = encode(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    second = two.index(b"ANMF", two.index(b"ANMF") + 1)
    data = two[:second] + two[second:] * 99_999
    started = time.monotonic()
    info, pixels = read(b"RIFF" + (len(data) - 8).to_bytes(4, "little") + data[8:])
    assert time.monotonic() - started < 5
    assert info.format == "WEBP"
    assert tuple(pixels[0, 0]) == (255, 0, 0)


def test_a_webp_header_of_too_many_pixels_is_too_large(refusal: Refusal) -> None:
    side = (16_382).to_bytes(3, "little")
    body = b"WEBPVP8X" + (10).to_bytes(4, "little") + bytes(4) + side + side + bytes(100)
    data = b"RIFF" + len(body).to_bytes(4, "little") + body
    assert refusal(data) is SkipCode.TOO_LARGE


XMP_BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9))
    + b"]><x:xmpmeta xmlns:x='adobe:ns:meta/'>&j;</x:xmpmeta>"
)


# Row 19
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_an_entity_bomb_in_xmp_is_not_even_looked_at(
    kind: str, cat: Image.Image, encode: Encode, read: Read
) -> None:
    options = {"tiffinfo": {700: XMP_BOMB}} if kind == "TIFF" else {"xmp": XMP_BOMB}
    started = time.monotonic()
    info, _ = read(encode(cat, kind, **options))
    assert info.format == kind
    assert time.monotonic() - started < 1


def test_an_orientation_in_xmp_is_not_taken(cat: Image.Image, encode: Encode, read: Read) -> None:
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a tiff:Orientation="6"/></x:xmpmeta>'
    info, _ = read(encode(cat, "JPEG", xmp=xmp))
    assert (info.width, info.height) == cat.size


# Row 21
def test_a_single_pixel_is_a_picture(encode: Encode, read: Read) -> None:
    _, pixels = read(encode(Image.new("RGB", (1, 1), (10, 20, 30)), "PNG"))
    assert pixels.reshape(-1, 3).tolist() == [[10, 20, 30]] * 32 * 32


# Row 21
@pytest.mark.parametrize("size", [(1, 60_000), (60_000, 1), (1, 101)])
def test_a_thread_of_pixels_has_a_bad_ratio(
    size: tuple[int, int], encode: Encode, refusal: Refusal
) -> None:
    assert refusal(encode(Image.new("RGB", size), "PNG")) is SkipCode.BAD_RATIO


# Row 22
def test_an_avif_is_read(cat: Image.Image, encode: Encode, read: Read) -> None:
    info, _ = read(encode(cat, "AVIF"))
    assert (info.format, info.width, info.height) == ("AVIF", 451, 300)


def test_a_heic_is_read(heic: bytes, read: Read) -> None:
    info, _ = read(heic)
    assert (info.format, info.width, info.height) == ("HEIF", 451, 300)


# Row 23
def test_a_heic_without_its_codec_names_what_is_missing(
    heic: bytes, refusal: Refusal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    assert refusal(heic) is SkipCode.MISSING_CODEC
