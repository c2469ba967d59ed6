"""Captions and keywords of an XMP packet, from inside a picture or from a file beside it.

XMP is RDF in XML (ISO 16684-1). A packet with a document type or entities is refused by
defusedxml before anything of it is expanded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from clipsearch.values import Caption, generated_source

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

LARGEST_PACKET = 1 << 20
SOURCE = "xmp"

_DC = "{http://purl.org/dc/elements/1.1/}"
_IPTC_CORE = "{http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/}"
_CAPTIONS = (
    f"{_DC}description",
    f"{_DC}title",
    "{http://ns.adobe.com/photoshop/1.0/}Headline",
    f"{_IPTC_CORE}AltTextAccessibility",
    f"{_IPTC_CORE}ExtDescrAccessibility",
)
_KEYWORDS = (
    f"{_DC}subject",
    "{http://ns.adobe.com/lightroom/1.0/}hierarchicalSubject",
    "{http://www.digikam.org/ns/1.0/}TagsList",
    "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}PersonInImage",
)
_ITEM = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}li"
CLIPSEARCH = "urn:clipsearch:xmp/1.0/"
"""Our own namespace: `source` and `generated` say which model wrote which text of a packet."""
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_LEVELS = re.compile(r"[|/]")
"""Between the levels of a keyword: "Animals|Cat" of Lightroom, "Animals/Cat" of digiKam."""


class NoXmp(Exception):
    """The packet cannot be used; never leaves the reading of pictures and their sidecars."""


def xmp_captions(packet: bytes) -> tuple[Caption, ...]:
    """The captions of a packet in the order of their fields, then one list of keywords.

    A text in several languages gives several captions. One that a model wrote, and that nobody
    changed since, has that model as its source. Raises NoXmp for a packet that is too
    large, no XML, or has a document type or entities.
    """
    root = _parsed(packet)
    texts = _texts(root, _CAPTIONS)
    words = {
        level.strip(): None
        for word in _texts(root, _KEYWORDS)
        for level in _LEVELS.split(word)
        if level.strip()
    }
    generated = _generated(root)
    found = [Caption(text, generated.get(text, SOURCE)) for text in texts]
    if words:
        found.append(Caption(", ".join(words), SOURCE, "keywords"))
    return tuple(found)


def _generated(root: Element) -> dict[str, str]:
    """The text that a model wrote, if there is one, with its source."""
    said, sources = (_texts(root, (f"{{{CLIPSEARCH}}}{name}",)) for name in ("generated", "source"))
    source = generated_source(sources[0]) if sources else None
    return dict.fromkeys(said, source) if source is not None else {}


def _parsed(packet: bytes) -> Element:
    if len(packet) > LARGEST_PACKET:
        raise NoXmp(f"it is {len(packet):,} bytes; the limit is {LARGEST_PACKET:,}")
    from xml.etree.ElementTree import ParseError

    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    try:
        root: Element = fromstring(unpadded(packet), forbid_dtd=True)
    except DefusedXmlException as error:
        raise NoXmp("it has a document type or entities") from error
    except (ParseError, ValueError, LookupError) as error:
        raise NoXmp(f"it is no whole XML ({error})") from error
    return root


def unpadded(packet: bytes) -> bytes:
    """The XML of a packet: programs pad theirs."""
    return packet if packet.startswith(_UTF_16) else packet.strip(b"\0 \t\r\n")


def _texts(root: Element, names: tuple[str, ...]) -> list[str]:
    """The texts of properties, field by field, each once: elements and attributes alike."""
    found: dict[str, dict[str, None]] = {name: {} for name in names}
    for element in root.iter():
        if element.tag in found:
            found[element.tag] |= dict.fromkeys(_values(element))
        for name in found.keys() & element.attrib.keys():
            found[name][element.attrib[name].strip()] = None
    return list(dict.fromkeys(text for field in found.values() for text in field if text))


def _values(element: Element) -> Iterator[str]:
    """The items of a bag or of alternatives; the element's own text where it has none."""
    items = list(element.iter(_ITEM)) or [element]
    return ("".join(item.itertext()).strip() for item in items)
