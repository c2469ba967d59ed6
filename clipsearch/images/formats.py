"""Tells what a file is from its first bytes, so that no decoder meets what it was not made for.

The names are Pillow's. A format outside the allow-list is named and refused here: the plugin
that would open it (and for PostScript the Ghostscript it would start) is never asked.
"""

from __future__ import annotations

import re

from clipsearch.refused import Refused
from clipsearch.values import SkipCode

_ALLOWED = (
    (re.compile(rb"\xff\xd8\xff"), "JPEG"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "PNG"),
    (re.compile(rb"GIF8[79]a"), "GIF"),
    (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), "WEBP"),
    (re.compile(rb"II[*+]\0|MM\0[*+]|MM\*\0|II\0\*"), "TIFF"),
    (re.compile(rb"BM"), "BMP"),
    (re.compile(rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51"), "JPEG2000"),
)

_REFUSED = (
    (re.compile(rb"%!PS|\xc5\xd0\xd3\xc6"), "PostScript"),
    (re.compile(rb"%PDF"), "PDF"),
    (re.compile(rb"8BPS"), "Photoshop"),
    (re.compile(rb"SIMPLE  ="), "FITS"),
    (re.compile(rb"\xff\xfe.{4}\x01|\xff\xff.{4}\0|gd2\0", re.DOTALL), "GD"),
    (re.compile(rb"\0\0[\x01\x02]\0"), "an icon or cursor"),
    (re.compile(rb"icns"), "an Apple icon"),
    (re.compile(rb"\0\0\0\x0cJXL \r\n\x87\n|\xff\x0a"), "JPEG XL"),
    (re.compile(rb"\xd7\xcd\xc6\x9a|\x01\0\0\0.{36} EMF", re.DOTALL), "a Windows metafile"),
    (re.compile(rb"DDS |qoif|P[1-7fF]\s|\x01\xda[\0\x01]|#define |/\* XPM"), "a raster format"),
    (re.compile(rb"\x89HDF\r\n|GRIB|BUFR"), "scientific data"),
    (re.compile(rb"(\xef\xbb\xbf)?\s*(<\?xml.{0,2000})?<svg[\s>]", re.DOTALL), "SVG"),
)

_AVIF = {b"avif", b"avis"}
_HEIF = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}


def real_format(data: bytes) -> str:
    """The format that the content has, whatever the file's name says.

    Raises Refused: format_not_allowed for a known format outside the list, else not_an_image.
    """
    head = data[:4096]
    for pattern, name in _ALLOWED:
        if pattern.match(head):
            return name
    if head[4:8] == b"ftyp":
        return _iso_media_format(head)
    for pattern, name in _REFUSED:
        if pattern.match(head):
            raise Refused(SkipCode.FORMAT_NOT_ALLOWED, f"its content is {name}")
    raise Refused(SkipCode.NOT_AN_IMAGE, "its content is no image" if data else "it is empty")


def _iso_media_format(data: bytes) -> str:
    """AVIF, HEIF or neither, by the brands of an ISO base media file (ISO 14496-12, 4.3)."""
    length = min(int.from_bytes(data[:4], "big"), 256)
    brands = {data[start : start + 4] for start in (8, *range(16, length, 4))}
    if brands & _AVIF:
        return "AVIF"
    if brands & _HEIF:
        return "HEIF"
    raise Refused(SkipCode.FORMAT_NOT_ALLOWED, "its content is a film or an unknown container")


def ends_early(data: bytes, name: str) -> bool:
    """Whether the container promises more bytes than there are (RIFF and ISO media only)."""
    if name == "WEBP":
        return 8 + int.from_bytes(data[4:8], "little") > len(data)
    if name not in ("AVIF", "HEIF"):
        return False
    position = 0
    while position + 8 <= len(data):
        size = int.from_bytes(data[position : position + 4], "big")
        if size == 1:
            size = int.from_bytes(data[position + 8 : position + 16], "big")
        if size == 0:  # to the end of the file
            return False
        position += max(size, 8)
    return position != len(data)
