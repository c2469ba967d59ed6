"""The options of `clipsearch caption`, which other commands share in part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import click

from clipsearch.cli import options
from clipsearch.cli.quoting import quoted

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Target:
    """Where captions are kept; `file` is the table's."""

    kind: Literal["sidecar", "xmp", "catalogue", "table"]
    file: Path = Path()


_KINDS = {
    "sidecar": Target("sidecar"),
    "xmp": Target("xmp"),
    "catalogue": Target("catalogue"),
}


def _target(_context: click.Context, _option: click.Parameter, text: str | None) -> Target | None:
    if text is None:
        return None
    if text in _KINDS:
        return _KINDS[text]
    file = Path(text)
    if file.suffix.lower() != ".csv":
        raise click.BadParameter(f"{quoted(text)} is neither sidecar, xmp, catalogue nor FILE.csv.")
    if file.is_dir() or not file.parent.is_dir():
        raise click.BadParameter(f"{quoted(file)} is no file in a folder that exists.")
    return Target("table", file)


write_option = click.option(
    "--write",
    callback=_target,
    metavar="sidecar|xmp|catalogue|FILE.csv",
    help="Keep the captions there.",
)
overwrite_option = click.option(
    "--overwrite",
    is_flag=True,
    help="Replace the sidecar or table that stands, whoever wrote it; in a catalogue what this "
    "captioner wrote.",
)


def manner_options(function: Decorated) -> Decorated:
    """How a caption is written."""
    for option in reversed(
        (
            click.option(
                "--beams",
                type=click.IntRange(1, 32),
                default=4,
                show_default=True,
                metavar="N",
                help="Captions followed side by side; the best is taken.",
            ),
            click.option(
                "--sample", is_flag=True, help="Draw each word by chance: livelier, less right."
            ),
            click.option(
                "--nucleus",
                type=click.FloatRange(0, 1, min_open=True),
                default=0.9,
                show_default=True,
                metavar="SHARE",
                help="With --sample: draw from the likeliest words of this probability.",
            ),
            click.option(
                "--seed",
                type=click.IntRange(0, 2**32 - 1),
                default=0,
                show_default=True,
                help="With --sample: the same seed, the same captions.",
            ),
            click.option(
                "--longest",
                type=click.IntRange(1, 4096),
                metavar="N",
                help="Tokens of a caption, at most.  [default: the captioner's own]",
            ),
            options.workers_option,
        )
    ):
        function = option(function)
    return function
