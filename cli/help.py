"""Help that shows examples, with colour where a terminal wants it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

import click


class ColouredFormatter(click.HelpFormatter):
    """Click's help with headings and names in colour; click drops colour in a pipe."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Write the line that begins with Usage."""
        super().write_usage(prog, args, prefix or _styled("Usage: ", bold=True))

    def write_heading(self, heading: str) -> None:
        """Write the name of a section."""
        super().write_heading(_styled(heading, bold=True))

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        """Write options or commands with what they do."""
        named = [(_styled(name, fg="cyan"), text) for name, text in rows]
        super().write_dl(named, col_max, col_spacing)


class ColouredContext(click.Context):
    """A context whose help is coloured."""

    formatter_class = ColouredFormatter


class ColouredCommand(click.Command):
    """A command whose help is coloured."""

    context_class = ColouredContext


def examples(*lines: str) -> str:
    """A command's examples, as the end of its help."""
    # \b keeps click from filling the lines into a paragraph.
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def command(
    *lines: str, name: str | None = None
) -> Callable[[Callable[..., Any]], ColouredCommand]:
    """Make a function a command with these examples; its docstring is the help."""
    settings = {"help_option_names": ["-h", "--help"]}
    return click.command(
        name, cls=ColouredCommand, epilog=examples(*lines), context_settings=settings
    )


def _styled(text: str, fg: str | None = None, *, bold: bool | None = None) -> str:
    if os.environ.get("NO_COLOR"):
        return text
    return click.style(text, fg=fg, bold=bold)
