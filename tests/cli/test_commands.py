"""Every command that help and README show is real."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from running import Clipsearch

from clipsearch import __version__
from clipsearch.cli.program import COMMANDS, program

ROOT = Path(__file__).parents[2]
# A call at the beginning of a line or in a pipe; what follows wide spaces, # or | is not its.
CALL = re.compile(r"(?:^|\$ |\| |\"\$\()clipsearch ([a-z].*?)(?=\s{3}|\s#|\s[|&;<>]|\)\"|$)")


def each_command() -> Iterator[tuple[str, click.Command]]:
    """Each command's whole name with the command; those of groups, too."""
    context = click.Context(program)
    for name in COMMANDS:
        command = program.get_command(context, name)
        assert command is not None
        yield name, command
        if isinstance(command, click.Group):
            yield from ((f"{name} {inner}", each) for inner, each in command.commands.items())


EVERY_COMMAND = list(each_command())


def calls(text: str) -> list[list[str]]:
    """The arguments of every call of clipsearch."""
    found = (CALL.search(line.strip()) for line in text.splitlines())
    return [shlex.split(call[1]) for call in found if call]


def refused(arguments: list[str]) -> str | None:
    """Why click would not take these arguments; nothing is run."""
    try:
        context = program.make_context("clipsearch", list(arguments))
        assert isinstance(context.command, click.Group)
        name, command, rest = context.command.resolve_command(
            context, [*context._protected_args, *context.args]
        )
        assert command is not None
        command.make_context(name, rest, parent=context)
    except click.exceptions.Exit:
        return None
    except click.UsageError as error:
        return error.format_message()
    return None


@pytest.mark.parametrize(("name", "command"), EVERY_COMMAND, ids=str)
def test_every_command_has_help_with_an_example(name: str, command: click.Command) -> None:
    ran = CliRunner().invoke(program, [*name.split(), "--help"])
    assert ran.exit_code == 0
    assert f"Usage: clipsearch {name}" in ran.output.replace("program ", "clipsearch ")
    assert re.search(r"Examples:\n +\S*.*clipsearch", ran.output)


@pytest.mark.parametrize(("name", "command"), EVERY_COMMAND, ids=str)
def test_every_example_of_help_is_accepted(name: str, command: click.Command) -> None:
    assert command.epilog
    found = calls(command.epilog)
    assert found
    assert [why for call in found if (why := refused(call))] == []


@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        "docs/models.md",
        "docs/output.md",
        "docs/filters.md",
        "docs/migrating.md",
        "docs/exchange.md",
        "docs/dedupe.md",
        "docs/explaining.md",
        "docs/fine-tuning.md",
        "docs/watching.md",
    ],
)
def test_every_command_of_the_documents_is_accepted(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```(?:\w*)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    found = [call for block in blocks for call in calls(block)]
    assert found
    assert [(call, why) for call in found if (why := refused(call))] == []


def test_version_names_the_version(clipsearch: Clipsearch) -> None:
    assert clipsearch("--version").out == f"clipsearch {__version__}\n"


def test_without_a_command_there_is_help_and_exit_2(clipsearch: Clipsearch) -> None:
    ran = clipsearch()
    assert ran.code == 2
    assert "Usage: clipsearch" in ran.err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(shell: str) -> None:
    ran = CliRunner().invoke(program, ["completion", shell])
    assert "_CLIPSEARCH_COMPLETE" in ran.output


def test_a_shell_completes_commands(clipsearch: Clipsearch) -> None:
    ran = clipsearch(
        _CLIPSEARCH_COMPLETE="bash_complete", COMP_WORDS="clipsearch re", COMP_CWORD="1"
    )
    assert ran.lines == ["plain,remove", "plain,rebuild"]
