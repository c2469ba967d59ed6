"""The options that say how hits are written, and what they ask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Any

from clipsearch.cli import options

Command = Callable[..., Any]

_OPTIONS = (
    options.json_option,
    options.csv_option,
    options.paths_option,
    options.null_option,
    options.html_option,
)


@dataclass(frozen=True, slots=True)
class Output:
    """How hits are written: in which form on stdout, and in which page beside it."""

    form: options.Form | None
    html: Path | None


def output_options(command: Command) -> Command:
    """Give a command the options of output, and pass it what they ask as `output`."""

    @wraps(command)
    def written(**given: Any) -> Any:
        asked = {field.name: given.pop(field.name) for field in fields(Output)}
        return command(output=Output(**asked), **given)

    for option in reversed(_OPTIONS):
        written = option(written)
    return written
