"""The command line of clipsearch: one file a command, each prints and ends."""

from __future__ import annotations

import gc
import sys

# Imports make many objects and no garbage: looking for it takes a twelfth of a short command.
_ALLOCATIONS_BEFORE_A_LOOK = 100_000


def main() -> None:
    """Run `clipsearch` with the process's arguments and end the process."""
    gc.set_threshold(_ALLOCATIONS_BEFORE_A_LOOK)
    from clipsearch.cli.exits import run
    from clipsearch.cli.program import program

    code = run(program, sys.argv[1:])
    # Python collects once more while it ends: a sixth of a query, and nothing would come of it.
    gc.freeze()
    sys.exit(code)
