"""What a process pays for before it does anything."""

from __future__ import annotations

import subprocess
import sys

import pytest
from running import Clipsearch, environment

REPORT = """
import sys
from clipsearch.cli import main
try:
    main()
finally:
    print("\\n".join(sys.modules), file=sys.stderr)
"""


def modules_of(program: Clipsearch, *arguments: str) -> set[str]:
    return set(said(REPORT, program, *arguments).split())


def said(script: str, program: Clipsearch, *arguments: str) -> str:
    """What a script that runs the program in its own process wrote to stderr."""
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        capture_output=True,
        env=environment(program.home),
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr.decode()


def threads_of(program: Clipsearch, *arguments: str) -> str:
    script = """
import os, sys
from clipsearch.cli import main
try:
    main()
finally:
    sys.stderr.write(os.environ["OPENBLAS_NUM_THREADS"])
"""
    return said(script, program, *arguments)


def test_a_query_reads_the_catalogue_without_sqlalchemy(indexed: Clipsearch) -> None:
    asked = ("query", "a", "cat", "--explain", "--min-probability", "0.1", "--not", "a rocket")
    assert not modules_of(indexed, *asked) & {"sqlalchemy", "asyncio", "ssl", "email"}


def test_a_query_leaves_threads_for_matrices_to_whoever_asks_for_them(
    indexed: Clipsearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert threads_of(indexed, "query", "a", "cat") == "1"
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    assert threads_of(indexed, "query", "a", "cat") == "2"


def test_a_query_ends_without_a_last_collection(indexed: Clipsearch) -> None:
    collections = """
import gc, sys
from clipsearch.cli import main
try:
    main()
finally:
    sys.stderr.write(str(gc.get_freeze_count() > 10_000))
"""
    assert said(collections, indexed, "query", "a", "cat") == "True"


def test_a_filter_loads_sqlalchemy_when_it_is_asked(indexed: Clipsearch) -> None:
    assert "sqlalchemy" in modules_of(indexed, "query", "a", "cat", "--format", "png")


def test_a_query_in_a_pipe_imports_only_what_it_needs(indexed: Clipsearch) -> None:
    imported = modules_of(indexed, "query", "a", "cat")
    assert "onnxruntime" in imported
    assert not imported & {
        *("rich", "PIL", "torch", "open_clip", "transformers", "pydantic", "platformdirs"),
        *("sqlalchemy", "alembic", "filelock", "multiprocessing", "numpy.ma"),
        *("clipsearch.cli.index", "clipsearch.cli.health", "clipsearch.gallery"),
        *("clipsearch.collection", "clipsearch.ingest", "clipsearch.status"),
    }


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["query", "--help"]])
def test_help_imports_no_subsystem(indexed: Clipsearch, arguments: list[str]) -> None:
    imported = modules_of(indexed, *arguments)
    assert not imported & {
        *("numpy", "sqlalchemy", "faiss", "onnxruntime", "tokenizers", "PIL", "rich"),
        *("clipsearch.collection", "clipsearch.search", "clipsearch.images", "clipsearch.towers"),
    }
