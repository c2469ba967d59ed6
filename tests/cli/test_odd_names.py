"""Names that try to command the terminal, or that no encoding can read."""

from __future__ import annotations

import base64
import csv
import io
import json
import os
import re
from pathlib import Path

import pytest
from PIL import Image as PillowImage
from running import Clipsearch, Ran

NAMES = (
    b"\xff\xfe.jpg",
    b"new\nline.jpg",
    b"\x1b]0;owned\x07.jpg",
    "right\u202egpj.jpg".encode(),
    "c1\u009b31m.jpg".encode(),
    b"<img src=x onerror=alert(1)>.jpg",
    b"=cmd().jpg",
    b"-rf.jpg",
    b"n" * 251 + b".jpg",
)
# Controls of C0 but for newline and tab, of C1, marks of direction.
FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = os.fsencode(tmp_path_factory.mktemp("odd names"))
    for position, name in enumerate(NAMES):
        picture = PillowImage.new("RGB", (40, 30), (20 * position, 90, 200))
        picture.save(Path(os.fsdecode(os.path.join(folder, name))))  # noqa: PTH118
    Path(os.fsdecode(folder + b"/broken\x1b[2J.jpg")).write_bytes(b"no picture")
    return folder


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory, folder: bytes) -> tuple[Clipsearch, Ran]:
    program = Clipsearch(tmp_path_factory.mktemp("odd") / "home")
    return program, program("index", os.fsdecode(folder))


def harmless(ran: Ran) -> bool:
    return not FORBIDDEN.search(ran.out) and not FORBIDDEN.search(ran.err)


def test_all_of_them_are_taken_in_and_the_summary_is_harmless(odd: tuple[Clipsearch, Ran]) -> None:
    _, indexed = odd
    assert indexed.out.startswith(f"{len(NAMES)} added, ")
    assert r"broken\033[2J.jpg" in indexed.err
    assert harmless(indexed)


@pytest.mark.parametrize("form", [[], ["--paths"], ["--csv"], ["--json"]])
def test_no_form_of_output_holds_a_raw_control(
    odd: tuple[Clipsearch, Ran], form: list[str]
) -> None:
    ran = odd[0]("query", "blue", "--all", "-k", "20", *form)
    assert ran.code == 0
    assert harmless(ran)
    assert len(ran.out.splitlines()) >= len(NAMES)


def test_a_terminal_gets_no_control_of_a_name(odd: tuple[Clipsearch, Ran]) -> None:
    shown = odd[0].on_terminal("query", "blue", "--all", "-k", "20", NO_COLOR="1")
    assert not FORBIDDEN.search(re.sub(r"\x1b\[\d*m", "", shown))
    assert r"new\nline.jpg" in shown


def test_null_writes_the_very_bytes(odd: tuple[Clipsearch, Ran], folder: bytes) -> None:
    ran = odd[0]("query", "blue", "--all", "-k", "20", "-0")
    paths = ran.out_bytes.split(b"\0")[:-1]
    assert sorted(paths) == sorted(folder + b"/" + name for name in NAMES)


def test_json_has_the_bytes_of_a_name_that_is_no_text(
    odd: tuple[Clipsearch, Ran], folder: bytes
) -> None:
    hits = json.loads(odd[0]("query", "blue", "--all", "-k", "20", "--json").out)["hits"]
    encoded = [hit for hit in hits if hit["path_base64"] is not None]
    assert [base64.b64decode(hit["path_base64"]) for hit in encoded] == [folder + b"/\xff\xfe.jpg"]
    assert encoded[0]["path"].endswith("/\ufffd\ufffd.jpg")
    exact = {hit["path"] for hit in hits if hit["path_base64"] is None}
    assert os.fsdecode(folder + b"/new\nline.jpg") in exact
    assert [base64.b64decode(each) for each in encoded[0]["paths_base64"]] == [
        folder + b"/\xff\xfe.jpg"
    ]
    assert {hit["paths_base64"] for hit in hits if hit["path_base64"] is None} == {None}


def test_csv_runs_no_formula(odd: tuple[Clipsearch, Ran], folder: bytes) -> None:
    rows = list(csv.reader(io.StringIO(odd[0]("query", "blue", "--all", "-k", "20", "--csv").out)))
    assert not [cell for row in rows for cell in row if re.match(r"[=+@]|-\D", cell)]


def test_a_name_that_looks_like_an_option_can_be_asked_for(
    odd: tuple[Clipsearch, Ran], folder: bytes
) -> None:
    name = os.fsdecode(folder + b"/-rf.jpg")
    assert odd[0]("similar", "-k", "1", "--paths", "--", name).lines == [name]


def test_failed_is_listed_harmlessly(odd: tuple[Clipsearch, Ran]) -> None:
    ran = odd[0]("status", "--failed")
    assert r"broken\033[2J.jpg" in ran.out
    assert harmless(ran)
