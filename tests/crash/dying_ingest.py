"""Ingests a folder and dies by its own hand before the N-th durable step.

Durable steps are what the disk sees: a commit, an fsync, a rename. Run as a program:
dying_ingest.py HOME PICTURES N; N of 0 counts the steps and prints how many there are.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from colour_towers import ColourTowers
from sqlalchemy import Connection

from clipsearch import Collection, IngestOptions

HOME, PICTURES, DEADLY = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
steps = itertools.count(1)
taken = 0


def step() -> None:
    """Take one durable step, or die before it."""
    global taken
    taken = next(steps)
    if taken == DEADLY:
        os.kill(os.getpid(), signal.SIGKILL)


def deadly(call: Callable[..., Any]) -> Callable[..., Any]:
    """The call, preceded by a step."""

    def stepped(*arguments: Any, **named: Any) -> Any:
        step()
        return call(*arguments, **named)

    return stepped


os.fsync = deadly(os.fsync)
os.replace = deadly(os.replace)
Path.replace = deadly(Path.replace)  # type: ignore[method-assign]
execute = Connection.exec_driver_sql


def exec_driver_sql(self: Connection, statement: str, *rest: Any) -> Any:
    """Count the commits."""
    if statement == "COMMIT":
        step()
    return execute(self, statement, *rest)


Connection.exec_driver_sql = exec_driver_sql  # type: ignore[method-assign, assignment]

with Collection(home=HOME, tower=ColourTowers()) as collection:
    collection.ingest([PICTURES], IngestOptions(batch=4, workers=1))
print(taken)
