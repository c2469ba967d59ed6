"""The installed program on real photographs and a real database."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from running import Clipsearch


@pytest.fixture(scope="session")
def indexed(tmp_path_factory: pytest.TempPathFactory, photographs: Path) -> Clipsearch:
    """A home whose default collection holds the photographs. Tests only read it."""
    program = Clipsearch(tmp_path_factory.mktemp("indexed") / "home")
    ran = program("index", photographs)
    assert ran.code == 0, ran.err
    return program


@pytest.fixture
def clipsearch(home: Path) -> Clipsearch:
    """The program with an empty home."""
    return Clipsearch(home)


@pytest.fixture
def copied(indexed: Clipsearch, home: Path) -> Clipsearch:
    """The program with a copy of the indexed home, to change or to damage."""
    shutil.copytree(indexed.home, home)
    return Clipsearch(home)
