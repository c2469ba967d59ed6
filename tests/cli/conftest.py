"""The installed program on real photographs and a real database."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from running import Clipsearch, Ran

from clipsearch.cli.exits import run
from clipsearch.cli.program import program

Call = Callable[..., Ran]


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


@pytest.fixture
def call(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Call]:
    """The program run in this process: what no other process needs to see is said sooner."""
    heeded = signal.getsignal(signal.SIGTERM)

    def called(*arguments: str | os.PathLike[str], home: Path = home) -> Ran:
        monkeypatch.setenv("CLIPSEARCH_HOME", str(home))
        capsys.readouterr()
        code = run(program, [os.fspath(each) for each in arguments])
        written = capsys.readouterr()
        return Ran(code, written.out.encode(), written.err.encode())

    yield called
    signal.signal(signal.SIGTERM, heeded)
