"""Captions as XMP beside the pictures, where digiKam and darktable look for them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clipsearch.caption_writing import WrittenCaption
from clipsearch.captioning.sinks import one_line, written_or_skip
from clipsearch.durable import write_durably
from clipsearch.images import NoXmp, xmp_captions
from clipsearch.images.xmp import CLIPSEARCH, unpadded
from clipsearch.values import Skip, SkipCode

if TYPE_CHECKING:
    from xml.dom.minidom import Element

_DC = "http://purl.org/dc/elements/1.1/"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_XML = "http://www.w3.org/XML/1998/namespace"
_EMPTY = (
    f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{_RDF}">'
    '<rdf:Description rdf:about=""/></rdf:RDF></x:xmpmeta>'
).encode()
_KEPT = {"\n": "\uefff\uef0a", "\t": "\uefff\uef09", "\r": "\uefff\uef0d"}
"""Stand-ins for what XML would make spaces of in attributes, until they are written."""


class XmpSidecars:
    """`a.jpg.xmp` beside `a.jpg`, its caption in dc:description, with the model that wrote it.

    What stands there, or in `a.xmp`, stays as it is. With `overwrite` the description in it is
    replaced, and everything else of it stays.
    """

    def __init__(self, source: str, *, overwrite: bool = False) -> None:
        """Take the source of the captions, and whether to replace descriptions that stand."""
        self._source, self._overwrite = source, overwrite
        self._written: set[Path] = set()

    def wants(self, path: Path) -> bool:
        """Whether there is no sidecar; with `overwrite`, none of this run."""
        sidecar = _sidecar(path)
        if self._overwrite:
            return sidecar not in self._written
        return not os.path.lexists(sidecar)

    def put(self, path: Path, caption: WrittenCaption) -> Skip | None:
        """Write the sidecar. Links and folders of its name stay. Raises StorageFull."""
        sidecar = _sidecar(path)
        if not self.wants(path):
            return None

        def write() -> None:
            before = sidecar.read_bytes() if sidecar.exists() else _EMPTY
            write_durably(sidecar, described(before, caption.text, self._source))

        try:
            refused = written_or_skip(sidecar, write)
        except NoXmp as error:
            return Skip(sidecar, SkipCode.UNREADABLE, f"it is left as it is: {error}")
        if refused is None:
            self._written.add(sidecar)
        return refused

    def close(self) -> None:
        """Each is on the disk already."""


def described(packet: bytes, text: str, source: str) -> bytes:
    """An XMP packet with this description (x-default) and its source; all else of it is kept.

    Descriptions in other languages stay. Raises NoXmp for what is no packet.
    """
    xmp_captions(packet)  # refuses what our reader refuses
    from defusedxml.minidom import parseString

    document = parseString(unpadded(packet), forbid_dtd=True)
    home, old = _place(document)
    others = [
        item.cloneNode(True)
        for each in old
        for item in each.getElementsByTagNameNS(_RDF, "li")
        if item.getAttributeNS(_XML, "lang") not in ("", "x-default")
    ]
    for each in (*old, *_marks(document)):
        each.parentNode.removeChild(each)
    for element in document.getElementsByTagNameNS(_RDF, "Description"):
        for namespace, name in ((_DC, "description"), *_MARKS):
            if element.hasAttributeNS(namespace, name):
                element.removeAttributeNS(namespace, name)
    said = one_line(text)
    home.appendChild(_description(document, said, others))
    for (_, name), value in zip(_MARKS, (source, said), strict=True):
        mark = document.createElementNS(CLIPSEARCH, f"clipsearch:{name}")
        mark.setAttribute("xmlns:clipsearch", CLIPSEARCH)
        mark.appendChild(document.createTextNode(value))
        home.appendChild(mark)
    written = _spelled(document)
    xmp_captions(written)  # a name that was declared only on what is left out would break it
    return written


_MARKS = ((CLIPSEARCH, "source"), (CLIPSEARCH, "generated"))


def _marks(document: Any) -> list[Any]:
    return [each for mark in _MARKS for each in document.getElementsByTagNameNS(*mark)]


def _place(document: Any) -> tuple[Any, list[Any]]:
    """The rdf:Description to write to, and the descriptions that stand."""
    old = list(document.getElementsByTagNameNS(_DC, "description"))
    if old:
        return old[0].parentNode, old
    for graph in document.getElementsByTagNameNS(_RDF, "RDF"):
        for each in graph.childNodes:
            if each.localName == "Description" and each.namespaceURI == _RDF:
                return each, old
    raise NoXmp("it describes nothing")


def _description(document: Any, text: str, others: list[Any]) -> Element:
    found: Element = document.createElementNS(_DC, "dc:description")
    found.setAttribute("xmlns:dc", _DC)
    found.setAttribute("xmlns:rdf", _RDF)
    languages = found.appendChild(document.createElementNS(_RDF, "rdf:Alt"))
    item = languages.appendChild(document.createElementNS(_RDF, "rdf:li"))
    item.setAttribute("xml:lang", "x-default")
    item.appendChild(document.createTextNode(text))
    for each in others:
        languages.appendChild(each)
    return found


def _spelled(document: Any) -> bytes:
    """The document as UTF-8; line ends in attributes stay what they are."""
    for element in document.getElementsByTagName("*"):
        for attribute in element.attributes.values():
            for char, kept in _KEPT.items():
                attribute.value = attribute.value.replace(char, kept)
    text: str = document.toxml(encoding="utf-8").decode()
    for char, kept in _KEPT.items():
        text = text.replace(kept, f"&#{ord(char)};")
    return f"{text}\n".encode()


def _sidecar(path: Path) -> Path:
    """Where the picture's XMP stands, or would be written."""
    own, shared = path.with_name(f"{path.name}.xmp"), path.with_suffix(".xmp")
    return shared if os.path.lexists(shared) and not os.path.lexists(own) else own
