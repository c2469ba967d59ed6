"""How a command ends: the only place that turns errors into messages and exit codes.

| code | meaning |
|---|---|
| 0 | found, or done |
| 1 | nothing found |
| 2 | an error, said on stderr |
| 130, 143 | stopped by SIGINT (Ctrl-C) or SIGTERM |
| 141 | the reader of our output went away (SIGPIPE) |
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import TYPE_CHECKING

import click

from clipsearch.cli.quoting import printable, quoted
from clipsearch.errors import ClipsearchError, NothingReadable
from clipsearch.wording import collection_flag

if TYPE_CHECKING:
    from pathlib import Path

    from clipsearch.values import Skip

DONE = 0
NOTHING_FOUND = 1
ERROR = 2
INTERRUPTED = 130
BROKEN_PIPE = 141
TERMINATED = 143

FIRST = 10
"""How many left-out images are named before the rest is only counted."""


class Terminated(BaseException):
    """SIGTERM came; like KeyboardInterrupt, it unwinds everything and is no error."""


def run(program: click.Group, arguments: Sequence[str]) -> int:
    """Run the command that the arguments name; returns the exit code."""
    _never_fail_to_print()
    signal.signal(signal.SIGTERM, _terminate)
    try:
        code = _invoke(program, list(arguments))
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return _stopped(INTERRUPTED)
    except Terminated:
        return _stopped(TERMINATED)
    except BrokenPipeError:
        # Python flushes stdout once more at its end, which would fail aloud.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except Exception as error:
        return _failed(error)


def say(message: str) -> None:
    """Tell the user something on stderr; foreign names in it are made harmless."""
    print(printable(message), file=sys.stderr, flush=True)


def say_left_out(failed: Sequence[Skip], hint: str) -> None:
    """Name the first images that were left out, with their reasons; count the rest."""
    for skip in failed[:FIRST]:
        say(f"left out: {quoted(skip.path)}: {skip.reason} ({skip.code})")
    if len(failed) > FIRST:
        say(f"left out: {len(failed) - FIRST} more. {hint}")


def code_of(good: int, failed: int) -> int:
    """How a command ends that did what it could with each of several pictures."""
    if good:
        return DONE
    if failed:
        return ERROR
    say("no pictures were found.")
    return NOTHING_FOUND


def refuse_absent(paths: Sequence[Path]) -> None:
    """Raise UsageError for a path that was typed and does not exist."""
    for path in paths:
        if not path.exists():
            raise click.UsageError(f"{quoted(path)} does not exist.")


def failed_hint(name: str) -> str:
    """Where all images that a collection leaves out are named."""
    return f"`clipsearch status --failed{collection_flag(name)}` lists them all."


def _invoke(program: click.Group, arguments: list[str]) -> int:
    name = "clipsearch"
    if f"_{name.upper()}_COMPLETE" in os.environ:
        program.main(arguments, prog_name=name)
    try:
        with program.make_context(name, arguments) as context:
            return int(program.invoke(context) or DONE)
    except click.exceptions.Exit as ended:
        return ended.exit_code


def _failed(error: Exception) -> int:
    """Say what went wrong in one line; programming mistakes ask to be reported."""
    if os.environ.get("CLIPSEARCH_DEBUG"):
        import traceback  # a query that goes well does not pay for it

        traceback.print_exc()
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.ctx.get_help(), err=True)
    elif isinstance(error, click.ClickException):
        say(f"clipsearch: {error.format_message()}")
        if isinstance(error, click.UsageError) and error.ctx is not None:
            say(f"See `{error.ctx.command_path} --help`.")
    elif isinstance(error, ClipsearchError):
        if isinstance(error, NothingReadable):
            say_left_out(error.failed, failed_hint(error.collection))
        say(f"clipsearch: {error}")
    elif isinstance(error, OSError) and error.filename is not None:
        reason = (error.strerror or str(error)).lower()
        say(
            f"clipsearch: cannot use {quoted(os.fsdecode(error.filename))}: {reason}. Check that "
            "it is where you mean it to be, and that you may read and write there."
        )
    elif isinstance(error, MemoryError):
        say("clipsearch: there is not enough memory for that.")
    else:
        say(
            f"clipsearch: unexpected {type(error).__name__}: {error}. Please report it with the "
            "command that led to it; CLIPSEARCH_DEBUG=1 shows where it happened."
        )
    return ERROR


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    raise Terminated


def _stopped(code: int) -> int:
    # A second Ctrl-C while Python winds down would only print a traceback.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return code


def _never_fail_to_print() -> None:
    """In a locale that cannot show a character, an escape is shown in its place."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
