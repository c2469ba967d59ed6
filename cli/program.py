"""The program: a group of commands, each imported when it is called.

It stands on click itself, not on typer: typer imports pydantic at every start, which takes four
times as long as click, as long as loading NumPy and FAISS together.
"""

from __future__ import annotations

import os
from importlib import import_module

import click

from clipsearch import __version__
from clipsearch.cli.help import ColouredContext, examples

COMMANDS = (
    "index",
    "watch",
    "query",
    "similar",
    "score",
    "explain",
    "caption",
    "ask",
    "demo",
    "status",
    "list",
    "dedupe",
    "remove",
    "verify",
    "rebuild",
    "migrate",
    "export",
    "import",
    "models",
    "train",
    "train-captioner",
    "eval",
    "doctor",
    "completion",
)
"""In the order in which a user meets them; each is a module of this package."""


_MODULES = {"import": "import_command", "train-captioner": "train_captioner"}
"""Where a command's name is no name for a module of Python."""


SEARCHES = ("query", "similar")
"""What multiplies small matrices alone: threads for them cost more to start than they save."""


LONGEST_SUMMARY = 200
"""Characters of a command's summary; click breaks its lines."""


class Program(click.Group):
    """Commands by name; a command's module is imported when it is asked for."""

    context_class = ColouredContext

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        if cmd_name not in COMMANDS:
            return None
        if cmd_name in SEARCHES:
            os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # it is read when NumPy is imported
        module = import_module(f"clipsearch.cli.{_MODULES.get(cmd_name, cmd_name)}")
        commands = (each for each in vars(module).values() if isinstance(each, click.Command))
        return next(each for each in commands if each.name == cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is called; of a name that is none, what may have been meant."""
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:  # click knows only what was imported
            raise click.NoSuchCommand(error.command_name, possibilities=COMMANDS, ctx=ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Each command with the first sentence of its help, whole."""
        found = [(name, self.get_command(ctx, name)) for name in COMMANDS]
        rows = [(name, each.get_short_help_str(LONGEST_SUMMARY)) for name, each in found if each]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


TOUR = examples(
    "clipsearch index ~/Pictures                 take a folder in",
    'clipsearch query "a dog on the beach"       find pictures by words',
    "clipsearch similar photo.jpg                find pictures like a picture",
    "clipsearch query dog --minus snow --html found.html",
    "clipsearch index                            rescan the known folders",
    "clipsearch demo                             see it work on photographs it brings",
)


@click.group(
    cls=Program,
    epilog=TOUR,
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
)
@click.version_option(__version__, "-V", "--version", message="clipsearch %(version)s")
def program() -> None:
    """Find your pictures by words or by a picture, offline.

    Nothing leaves this machine. Collections live under CLIPSEARCH_HOME, or in the platform's
    data folder. Exit codes: 0 found or done, 1 nothing found, 2 error.
    """
