"""How errors end a command: in words, with a way out."""

from __future__ import annotations

import signal

import click
import pytest

from clipsearch import (  # the whole tree
    captioning_errors,  # noqa: F401
    errors,
    evaluation_errors,  # noqa: F401
    exchange_errors,  # noqa: F401
    filters,  # noqa: F401
    migration_errors,  # noqa: F401
    server_errors,  # noqa: F401
    training_errors,  # noqa: F401
)
from clipsearch.cli.exits import run
from clipsearch.errors import ClipsearchError


def kinds(of: type[ClipsearchError] = ClipsearchError) -> list[type[ClipsearchError]]:
    """All errors, those of one branch."""
    return [of, *(kind for inner in of.__subclasses__() for kind in kinds(inner))]


def test_the_tree_of_errors_is_drawn_as_it_is() -> None:
    assert errors.__doc__ is not None
    drawn = [
        line.strip("│├└─ ").split()[0] for line in errors.__doc__.splitlines() if "── " in line
    ]
    assert sorted(drawn) == sorted(kind.__name__ for kind in kinds()[1:])


def test_an_unusable_embedding_has_a_way_out() -> None:
    assert "Leave that picture or text out" in str(errors.EmbeddingUnusable("it is not finite"))


@click.group()
def mistaken() -> None:
    """A program with a mistake."""


@mistaken.command()
def divide() -> float:
    """Divide by nothing."""
    return 1 / 0


def test_a_mistake_of_ours_asks_for_the_command_and_names_no_address(
    capsys: pytest.CaptureFixture[str],
) -> None:
    heeded = signal.getsignal(signal.SIGTERM)
    try:
        assert run(mistaken, ["divide"]) == 2
    finally:
        signal.signal(signal.SIGTERM, heeded)
    said = capsys.readouterr().err
    assert "unexpected ZeroDivisionError" in said
    assert "Please report it with the command that led to it" in said
    assert "://" not in said
