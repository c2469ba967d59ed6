"""Files of captions beside pictures: read in any usual form, and never trusted."""

from __future__ import annotations

import json

import pytest

from clipsearch.captions import sidecar_text
from clipsearch.values import Caption


def texts(name: str, data: bytes) -> list[str]:
    return [caption.text for caption in sidecar_text(name, data).captions]


def test_a_text_has_a_caption_a_line_each_once() -> None:
    assert texts("a.txt", b"a cat\r\n\r\n  on a sill \ra cat\n") == ["a cat", "on a sill"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_text_may_be_in_any_unicode_encoding(encoding: str) -> None:
    assert texts("a.txt", "Bär\nKatze".encode(encoding)) == ["Bär", "Katze"]


@pytest.mark.parametrize("name", ["a.txt", "a.json"])
@pytest.mark.parametrize("data", [b"B\xe4r", b"\xff\xfe\x00", b"\xff\xfe\x00\xd8a\x00"])
def test_what_is_no_unicode_is_said_and_not_guessed(name: str, data: bytes) -> None:
    assert sidecar_text(name, data).captions == ()
    assert sidecar_text(name, data).faults == ("it is no UTF-8: save it as that",)


def test_control_characters_stay_as_they_are() -> None:
    assert texts("a.txt", b"a\x1b[31mcat\x07\x0c\x00b") == ["a\x1b[31mcat\x07\x0c\x00b"]


def test_a_caption_of_a_hundred_kilobytes_is_left_out_alone() -> None:
    found = sidecar_text("a.txt", b"a cat\n" + b"x" * 100_000)
    assert found.captions == (Caption("a cat", "sidecar"),)
    assert found.faults == ("1 of its captions are longer than 65,536 characters",)


def test_a_json_gives_captions_and_keywords() -> None:
    said = {
        "caption": "a cat",
        "title": "Puss",
        "description": ["on a sill", 7, None],
        "keywords": ["cat", "sill", "cat"],
        "tags": "window, light",
        "width": 640,
    }
    assert sidecar_text("a.JSON", json.dumps(said).encode()).captions == (
        Caption("a cat", "sidecar"),
        Caption("Puss", "sidecar"),
        Caption("on a sill", "sidecar"),
        Caption("cat, sill, window, light", "sidecar", "keywords"),
    )


def test_a_title_that_is_a_files_name_is_no_caption() -> None:
    assert texts("IMG_1.jpg.json", b'{"title": "IMG_1.jpg", "description": "a cat"}') == ["a cat"]


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"[" * 100_000, "it is no JSON"),
        (b"{", "it is no JSON"),
        (b'["a cat"]', "it is no JSON object"),
        (b"", "it is no JSON"),
    ],
)
def test_what_is_no_json_object_is_said(data: bytes, fault: str) -> None:
    assert sidecar_text("a.json", data).faults == (fault,)
