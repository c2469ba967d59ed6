"""What a picture's own bytes say of it in words: XMP, IPTC and EXIF.

Editors write one text into all three; it is taken once, from the first that has it. Nothing here
fails: what cannot be read is left out, and noted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from PIL.ImageFile import ImageFile

from clipsearch.images.metadata import Exif
from clipsearch.images.xmp import NoXmp, xmp_captions
from clipsearch.values import LONGEST_CAPTION, Caption

# IPTC-IIM 4.2: record and data set.
_CHARACTER_SET, _KEYWORDS, _CAPTION = (1, 90), (2, 25), (2, 120)
_UTF_8 = b"\x1b%G"

# What cameras, scanners and programs write where nobody wrote anything.
_NO_DESCRIPTION = re.compile(
    r"""(?ix)
    (\w+\ ){0,2}digital\ (still\ )?(camera|image) | exif[_ ]jpeg[_ ]picture | dcim | (sony\ )?dsc
    | samsung | <?(kenox|digimax)\b.* | \W*applemark\W* | untitled | default | image\ description
    | (oznor|fznor|ozedf|cof|edf|dav|mde|sdr|hdr|rhdr|rbt|bty|rpt|qrf)(_\w+|wo|pl)?
    | charset=.* | screenshot | vsco | jpeg | picasa | ascii | [\W\d_]*
    | (\{"shape": | imagej= | <\?xml | <ome | <\w).*
    """,
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class OwnWords:
    """Captions and keywords, with notes on what was tolerated."""

    captions: tuple[Caption, ...] = ()
    notes: tuple[str, ...] = ()


def xmp_packet(image: ImageFile) -> bytes:
    """The XMP packet of an opened picture; empty if it has none."""
    packet = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    if isinstance(packet, str):
        return packet.encode("utf-8", "replace")
    return packet if isinstance(packet, bytes) else b""


def own_words(image: ImageFile, packet: bytes, exif: Exif) -> OwnWords:
    """All that a picture says of itself in words, each text once."""
    found: list[Caption] = []
    notes: list[str] = []
    if packet:
        try:
            found += xmp_captions(packet)
        except NoXmp:
            notes.append("bad_xmp")
    with suppress(Exception):  # Pillow's reader of IPTC may raise anything
        found += iptc_captions(image)
    if exif.description and not _NO_DESCRIPTION.fullmatch(exif.description):
        found.append(Caption(exif.description, "exif"))
    short = [caption for caption in found if len(caption.text) <= LONGEST_CAPTION]
    if len(short) < len(found):
        notes.append("long_caption")
    return OwnWords(tuple(_each_once(short)), tuple(notes))


def iptc_captions(image: ImageFile) -> tuple[Caption, ...]:
    """The caption (2:120) and the keywords (2:25) of an IPTC record."""
    from PIL.IptcImagePlugin import getiptcinfo

    record = getiptcinfo(image) or {}
    declared = record.get(_CHARACTER_SET) == _UTF_8
    captions = [_decoded(raw, utf_8=declared) for raw in _raw(record.get(_CAPTION))]
    keywords = [_decoded(raw, utf_8=declared) for raw in _raw(record.get(_KEYWORDS))]
    words = ", ".join(dict.fromkeys(word for word in keywords if word))
    found = [Caption(text, "iptc") for text in captions if text]
    return (*found, *([Caption(words, "iptc", "keywords")] if words else ()))


def _raw(value: object) -> Sequence[bytes]:
    values = value if isinstance(value, list) else [value]
    return [each for each in values if isinstance(each, bytes)]


def _decoded(raw: bytes, *, utf_8: bool) -> str:
    """The text of a data set: UTF-8 as declared or as found, else Windows' Latin letters."""
    raw = raw.replace(b"\0", b"")
    if utf_8:
        return raw.decode("utf-8", "replace").strip()
    try:
        return raw.decode("utf-8").strip()
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace").strip()


def _each_once(captions: Sequence[Caption]) -> Iterator[Caption]:
    """Leave out a text that stood before; of keywords only what no list before has."""
    said: set[str] = set()
    for caption in captions:
        if caption.kind == "keywords":
            words = [word for word in caption.text.split(", ") if word.casefold() not in said]
            said |= {word.casefold() for word in words}
            if words:
                yield replace(caption, text=", ".join(words))
        elif (key := " ".join(caption.text.split()).casefold()) not in said:
            said.add(key)
            yield caption
