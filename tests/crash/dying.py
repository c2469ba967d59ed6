"""Death by one's own hand before the N-th durable step.

Durable steps are what the disk sees: a commit, an fsync, a rename.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Connection


class Steps:
    """Counts durable steps; the one numbered `deadly` is never taken (0: all are)."""

    def __init__(self, deadly: int) -> None:
        self.taken = 0
        self._deadly = deadly

    def step(self) -> None:
        """Take one step, or die before it."""
        self.taken += 1
        if self.taken == self._deadly:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self) -> None:
        """Count from now on."""
        os.fsync = self._deadly_call(os.fsync)
        os.replace = self._deadly_call(os.replace)
        Path.replace = self._deadly_call(Path.replace)  # type: ignore[method-assign]
        Path.rename = self._deadly_call(Path.rename)  # type: ignore[method-assign]
        execute = Connection.exec_driver_sql

        def exec_driver_sql(connection: Connection, statement: str, *rest: Any) -> Any:
            if statement == "COMMIT":
                self.step()
            return execute(connection, statement, *rest)

        Connection.exec_driver_sql = exec_driver_sql  # type: ignore[method-assign, assignment]

    def _deadly_call(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def stepped(*arguments: Any, **named: Any) -> Any:
            self.step()
            return call(*arguments, **named)

        return stepped
