"""What a picture's bytes say of it in words is read; what would harm or was no word is left out."""

from __future__ import annotations

import struct
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from clipsearch.images import decode_picture
from clipsearch.images.xmp import NoXmp, xmp_captions
from clipsearch.values import Caption, Decoded, Preprocessing

Encode = Callable[..., bytes]
Told = Callable[..., Decoded]

HEAD = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:lr="http://ns.adobe.com/lightroom/1.0/" '
    'xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"><rdf:Description'
)
TAIL = "</rdf:RDF></x:xmpmeta>"
LAUGHS = (
    '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "'
    + "&a;" * 100
    + '"><!ENTITY c "'
    + "&b;" * 100
    + '">]>'
)


def packet(body: str, attributes: str = "") -> bytes:
    return f"{HEAD} {attributes}>{body}</rdf:Description>{TAIL}".encode()


def described(*texts: str) -> str:
    items = "".join(f'<rdf:li xml:lang="x-{at}">{text}</rdf:li>' for at, text in enumerate(texts))
    return f"<dc:description><rdf:Alt>{items}</rdf:Alt></dc:description>"


def bag(name: str, *words: str) -> str:
    items = "".join(f"<rdf:li>{word}</rdf:li>" for word in words)
    return f"<{name}><rdf:Bag>{items}</rdf:Bag></{name}>"


def iptc(*fields: tuple[int, int, bytes]) -> bytes:
    """An APP13 segment with an IPTC record (IIM 4.2 inside a Photoshop resource)."""
    record = b"".join(
        struct.pack(">BBBH", 0x1C, part, data_set, len(value)) + value
        for part, data_set, value in fields
    )
    resource = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(record)) + record
    resource += b"\0" * (len(record) % 2)
    content = b"Photoshop 3.0\0" + resource
    return b"\xff\xed" + struct.pack(">H", len(content) + 2) + content


@pytest.fixture
def told(encode: Encode, small: Preprocessing) -> Told:
    """Pillow's options for saving -> what was decoded of such a picture."""

    def decoded(kind: str = "JPEG", **options: Any) -> Decoded:
        return decode_picture(encode(Image.new("RGB", (8, 8)), kind, **options), small)

    return decoded


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_xmp_gives_captions_and_keywords(told: Told, kind: str) -> None:
    body = described("a cat on a sill", "eine Katze") + bag("dc:subject", "cat", "sill")
    options: dict[str, Any] = {"xmp": packet(body)}
    if kind == "PNG":
        from PIL.PngImagePlugin import PngInfo

        texts = PngInfo()
        texts.add_itxt("XML:com.adobe.xmp", packet(body).decode())
        options = {"pnginfo": texts}
    if kind == "TIFF":
        options = {"tiffinfo": {700: packet(body)}}
    assert told(kind, **options).captions == (
        Caption("a cat on a sill", "xmp"),
        Caption("eine Katze", "xmp"),
        Caption("cat, sill", "xmp", "keywords"),
    )


def test_levels_of_a_keyword_become_words_each_once() -> None:
    found = xmp_captions(
        packet(bag("dc:subject", "Cat") + bag("lr:hierarchicalSubject", "Pet|Cat"))
    )
    assert found == (Caption("Cat, Pet", "xmp", "keywords"),)


def test_properties_may_be_attributes() -> None:
    found = xmp_captions(packet("", 'photoshop:Headline="A cat" dc:title="Puss"'))
    assert [caption.text for caption in found] == ["Puss", "A cat"]


@pytest.mark.parametrize("how", ["utf-8", "utf-16", "utf-8-sig"])
def test_a_packet_may_be_in_any_unicode_encoding(how: str) -> None:
    assert xmp_captions(packet(described("Bär")).decode().encode(how))[0].text == "Bär"


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (LAUGHS.encode() + packet(described("&c;")), "document type"),
        (b'<!DOCTYPE x SYSTEM "file:///etc/passwd">' + packet(described("x")), "document type"),
        (packet(described("a cat"))[:-9], "no whole XML"),
        (b"\x89 no xml at all", "no whole XML"),
        (b"<a>" * 400_000, "the limit is"),
        (b"<?xml version='1.0' encoding='x-none'?><a/>", "no whole XML"),
    ],
)
def test_a_packet_that_would_harm_or_is_broken_is_refused(bad: bytes, reason: str) -> None:
    with pytest.raises(NoXmp, match=reason):
        xmp_captions(bad)


def test_a_picture_with_a_bomb_in_its_xmp_is_read_and_noted(told: Told) -> None:
    found = told(xmp=LAUGHS.encode() + packet(described("&c;")))  # row 19
    assert found.captions == ()
    assert found.info.notes == ("bad_xmp",)


def test_iptc_gives_its_caption_and_keywords(told: Told) -> None:
    fields = [(2, 120, b"a cat"), (2, 25, b"cat"), (2, 25, b"sill"), (2, 25, b"cat")]
    assert told(extra=iptc(*fields)).captions == (
        Caption("a cat", "iptc"),
        Caption("cat, sill", "iptc", "keywords"),
    )


@pytest.mark.parametrize(
    ("declared", "raw"),
    [(True, "Bär".encode()), (False, "Bär".encode()), (False, "Bär".encode("cp1252"))],
)
def test_iptc_in_any_usual_letters_is_read(told: Told, declared: bool, raw: bytes) -> None:
    fields = [(1, 90, b"\x1b%G")] if declared else []
    assert told(extra=iptc(*fields, (2, 120, raw))).captions[0].text == "Bär"


def test_a_broken_iptc_record_says_nothing(told: Told) -> None:
    assert told(extra=iptc((2, 120, b"a cat")).replace(b"\x1c", b"\xff")).captions == ()


def exif(description: str | bytes) -> Image.Exif:
    made = Image.Exif()
    made[0x010E] = description
    return made


def test_a_description_in_exif_is_a_caption_in_utf8_too(told: Told) -> None:
    assert told(exif=exif("Bär".encode())).captions == (Caption("Bär", "exif"),)


@pytest.mark.parametrize(
    "nothing",
    ["OLYMPUS DIGITAL CAMERA", "SONY DSC", "dav_soft", "hdrpl", "  ", "20190704_123001", "default"],
)
def test_what_a_camera_writes_by_itself_is_no_caption(told: Told, nothing: str) -> None:
    assert told(exif=exif(nothing)).captions == ()


def test_a_text_that_stands_everywhere_is_taken_once(told: Told) -> None:
    body = described("A cat") + bag("dc:subject", "cat", "sill")
    segments = iptc((2, 120, b"a  cat"), (2, 25, b"Cat"), (2, 25, b"window"))
    found = told(xmp=packet(body), extra=segments, exif=exif("A cat"))
    assert found.captions == (
        Caption("A cat", "xmp"),
        Caption("cat, sill", "xmp", "keywords"),
        Caption("window", "iptc", "keywords"),
    )


def test_a_text_that_is_no_caption_by_its_length_is_left_out(told: Told) -> None:
    found = told("PNG", **_png_text(packet(described("a" * 100_000)).decode()))
    assert found.captions == ()
    assert found.info.notes == ("long_caption",)


def _png_text(text: str) -> dict[str, Any]:
    from PIL.PngImagePlugin import PngInfo

    texts = PngInfo()
    texts.add_itxt("XML:com.adobe.xmp", text)
    return {"pnginfo": texts}


def test_heic_has_words_too(small: Preprocessing) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    stream = BytesIO()
    body = packet(described("a cat"))
    pillow_heif.from_pillow(Image.new("RGB", (64, 64))).save(stream, xmp=body)
    assert decode_picture(stream.getvalue(), small).captions == (Caption("a cat", "xmp"),)
