"""The command line of clipsearch: one file a command, each prints and ends."""

from __future__ import annotations

import sys


def main() -> None:
    """Run `clipsearch` with the process's arguments and end the process."""
    from clipsearch.cli.exits import run
    from clipsearch.cli.program import program

    sys.exit(run(program, sys.argv[1:]))
