"""Names from outside are shown so that no byte of them can do anything."""

from __future__ import annotations

import os

import pytest

from clipsearch.cli.quoting import printable, quoted


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"plain.jpg", "plain.jpg"),
        (b"with space.jpg", "with space.jpg"),
        ("größe 猫 🐈.jpg".encode(), "größe 猫 🐈.jpg"),
        (b"\xff\xfe.jpg", r"\377\376.jpg"),
        (b"a\nb\rc\td.jpg", r"a\nb\rc\td.jpg"),
        (b"\x1b]0;owned\x07.jpg", r"\033]0;owned\a.jpg"),
        ("\u202egpj.exe".encode(), r"\342\200\256gpj.exe"),
        ("c1\u009b31m.jpg".encode(), r"c1\302\23331m.jpg"),
        (rb"back\slash.jpg", r"back\\slash.jpg"),
        ("می\u200cخواهم.jpg".encode(), "می\u200cخواهم.jpg"),
    ],
)
def test_a_name_is_quoted_as_ls_does(name: bytes, shown: str) -> None:
    assert quoted(os.fsdecode(name)) == shown


def test_a_newline_can_be_told_from_a_backslash_and_an_n() -> None:
    assert quoted("a\nb") != quoted(r"a\nb")


def test_a_message_keeps_its_backslashes_and_loses_its_escapes() -> None:
    assert printable("see \\d and \x1b[31m") == r"see \d and \033[31m"
