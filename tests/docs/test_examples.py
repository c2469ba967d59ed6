"""The examples of the documentation are true."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

import clipsearch

ROOT = Path(__file__).parents[2]
OPTIONS = doctest.NORMALIZE_WHITESPACE


@pytest.mark.parametrize("page", ["docs/library.md", "docs/filters.md", "README.md"])
def test_the_examples_of_a_page_are_true(page: str, home: Path, photographs: Path) -> None:
    failed, tried = doctest.testfile(
        str(ROOT / page),
        module_relative=False,
        globs={"photographs": photographs},
        optionflags=OPTIONS,
    )
    assert tried > 0
    assert failed == 0


@pytest.mark.parametrize("module", ["clipsearch", "clipsearch.collection", "clipsearch.embedder"])
def test_the_examples_of_docstrings_are_true(module: str, home: Path, photographs: Path) -> None:
    failed, tried = doctest.testmod(
        importlib.import_module(module),
        extraglobs={"photographs": photographs},
        optionflags=OPTIONS,
    )
    assert tried > 0
    assert failed == 0


def test_every_public_name_can_be_had() -> None:
    for name in clipsearch.__all__:
        assert getattr(clipsearch, name) is not None
