"""Captions as XMP beside pictures: read back as a model's, and kind to what stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from clipsearch.captioning import WrittenCaption, XmpSidecars
from clipsearch.images import xmp_captions
from clipsearch.values import Caption

CAT = WrittenCaption("A cat", 0.8)
SOURCE = "generated:x-1"
OF_A_PERSON = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description xmlns:darktable="http://darktable.sf.net/" rdf:about="" '
    'darktable:history="one&#10;two"><!-- mine --><dc:description '
    'xmlns:dc="http://purl.org/dc/elements/1.1/"><rdf:Alt>'
    '<rdf:li xml:lang="x-default">My cat</rdf:li><rdf:li xml:lang="de">Meine Katze</rdf:li>'
    "</rdf:Alt></dc:description></rdf:Description></rdf:RDF></x:xmpmeta>\n"
)


def read(path: Path) -> tuple[Caption, ...]:
    return xmp_captions(path.read_bytes())


def test_it_is_read_back_as_the_model_s(tmp_path: Path) -> None:
    assert XmpSidecars(SOURCE).put(tmp_path / "a.jpg", CAT) is None
    assert read(tmp_path / "a.jpg.xmp") == (Caption("A cat", SOURCE),)


def test_once_a_person_changed_it_it_is_the_person_s(tmp_path: Path) -> None:
    XmpSidecars(SOURCE).put(tmp_path / "a.jpg", CAT)
    sidecar = tmp_path / "a.jpg.xmp"
    sidecar.write_text(sidecar.read_text().replace(">A cat</rdf:li>", ">Our cat</rdf:li>"))
    assert read(sidecar) == (Caption("Our cat", "xmp"),)


@pytest.mark.parametrize("name", ["a.jpg.xmp", "a.xmp"])
def test_what_a_person_wrote_stays(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(OF_A_PERSON)
    sink = XmpSidecars(SOURCE)
    assert not sink.wants(tmp_path / "a.jpg")
    assert sink.put(tmp_path / "a.jpg", CAT) is None
    assert [each.name for each in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == OF_A_PERSON


def test_with_overwrite_all_but_the_description_is_kept(tmp_path: Path) -> None:
    sidecar = tmp_path / "a.xmp"
    sidecar.write_text(OF_A_PERSON)
    XmpSidecars(SOURCE, overwrite=True).put(tmp_path / "a.jpg", CAT)
    assert read(sidecar) == (Caption("A cat", SOURCE), Caption("Meine Katze", "xmp"))
    for kept in ('darktable:history="one&#10;two"', "<!-- mine -->", "<?xpacket begin="):
        assert kept in sidecar.read_text()


def test_writing_again_leaves_one_description_and_one_mark(tmp_path: Path) -> None:
    XmpSidecars(SOURCE).put(tmp_path / "a.jpg", CAT)
    sink = XmpSidecars("generated:y-1", overwrite=True)
    sink.put(tmp_path / "a.jpg", WrittenCaption("A dog", 0.5))
    assert read(tmp_path / "a.jpg.xmp") == (Caption("A dog", "generated:y-1"),)


def test_a_file_that_is_no_xmp_is_left_as_it_is(tmp_path: Path) -> None:
    sidecar = tmp_path / "a.jpg.xmp"
    sidecar.write_text("<half")
    refused = XmpSidecars(SOURCE, overwrite=True).put(tmp_path / "a.jpg", CAT)
    assert refused is not None
    assert "no whole XML" in refused.reason
    assert sidecar.read_text() == "<half"


def test_what_would_not_be_whole_any_more_is_left_as_it_is(tmp_path: Path) -> None:
    sidecar = tmp_path / "a.jpg.xmp"
    rdf = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
    sidecar.write_text(
        f'<r:RDF xmlns:r="{rdf}" xmlns:dc="http://purl.org/dc/elements/1.1/"><r:Description>'
        f'<dc:description><s:Alt xmlns:s="{rdf}"><s:li xml:lang="de">Katze</s:li></s:Alt>'
        "</dc:description></r:Description></r:RDF>"
    )
    before = sidecar.read_bytes()
    refused = XmpSidecars(SOURCE, overwrite=True).put(tmp_path / "a.jpg", CAT)
    assert refused is not None
    assert sidecar.read_bytes() == before


def test_a_sidecar_in_utf_16_is_written_to(tmp_path: Path) -> None:
    sidecar = tmp_path / "a.xmp"
    sidecar.write_bytes(OF_A_PERSON.encode("utf-16"))
    assert XmpSidecars(SOURCE, overwrite=True).put(tmp_path / "a.jpg", CAT) is None
    assert Caption("A cat", SOURCE) in read(sidecar)


def test_control_characters_and_markup_are_no_danger(tmp_path: Path) -> None:
    XmpSidecars(SOURCE).put(tmp_path / "a.jpg", WrittenCaption("a\x00 <b>\n&\x1b[31m]]> cat", 0.5))
    assert read(tmp_path / "a.jpg.xmp") == (Caption("a <b> & [31m]]> cat", SOURCE),)
