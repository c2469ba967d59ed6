"""The options that say how hits are written, and what they ask."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clipsearch.cli import options
from clipsearch.cli.exits import say
from clipsearch.cli.quoting import quoted

if TYPE_CHECKING:
    import clipsearch

Command = Callable[..., Any]

_OPTIONS = (
    options.json_option,
    options.csv_option,
    options.paths_option,
    options.null_option,
    options.html_option,
    click.option(
        "--preview", is_flag=True, help="Show the pictures, too, where the output is a terminal."
    ),
    click.option(
        "--open",
        "opened",
        is_flag=True,
        help="Open the page of --html, else the first hit, with the system's viewer.",
    ),
)


@dataclass(frozen=True, slots=True)
class Output:
    """How hits are written: in which form on stdout, in which page beside it, what is opened."""

    form: options.Form | None
    html: Path | None
    preview: bool
    opened: bool


def open_first(output: Output, hits: Sequence[clipsearch.Hit]) -> None:
    """Open what `--open` asks for, or say why that cannot be."""
    paths = [hit.path for hit in hits if hit.path]
    target = output.html or (paths[0] if paths else None)
    if target is None:
        say("--open: there is no file to open.")
    elif not target.exists():
        say(f"--open: {quoted(target)} is not there any more.")
    elif click.launch(str(target.absolute())) != 0:
        say(f"--open: no program is here that opens {quoted(target)} (xdg-open is missing).")


def output_options(command: Command) -> Command:
    """Give a command the options of output, and pass it what they ask as `output`."""

    @wraps(command)
    def written(**given: Any) -> Any:
        asked = {field.name: given.pop(field.name) for field in fields(Output)}
        return command(output=Output(**asked), **given)

    for option in reversed(_OPTIONS):
        written = option(written)
    return written
