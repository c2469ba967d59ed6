"""The installed program, run as a subprocess."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from forking import forker

MODULE = ("-m", "clipsearch.cli")
PROGRAM = (sys.executable, *MODULE)


@dataclass(frozen=True)
class Ran:
    """What a command wrote and how it ended."""

    code: int
    out_bytes: bytes
    err_bytes: bytes

    @property
    def out(self) -> str:
        return self.out_bytes.decode()

    @property
    def err(self) -> str:
        return self.err_bytes.decode()

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


def environment(home: Path, **extra: str) -> dict[str, str]:
    """This process's environment with another home, and no preferences about colour."""
    kept = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "COLUMNS")}
    return {**kept, "CLIPSEARCH_HOME": str(home), "TERM": "xterm-256color", **extra}


@dataclass(frozen=True)
class Clipsearch:
    """Runs `clipsearch` with a home of its own.

    A call is a fork of a process that has made the imports (`forking.py`), unless a variable
    given asks for a fresh one; what is started, or shown on a terminal, is fresh always.
    """

    home: Path

    def __call__(self, *arguments: str | os.PathLike[str], stdin: bytes = b"", **extra: str) -> Ran:
        variables = environment(self.home, **extra)
        forks = forker()
        if forks is not None and forks.can_give(variables):
            return Ran(*forks.run_captured([*MODULE, *map(os.fspath, arguments)], variables, stdin))
        done = subprocess.run(
            [*PROGRAM, *arguments],
            input=stdin,
            capture_output=True,
            env=variables,
            timeout=120,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def on_terminal(self, *arguments: str | os.PathLike[str], **extra: str) -> str:
        """What a terminal of 80 columns receives, stdout and stderr together."""
        ours, theirs = pty.openpty()
        with subprocess.Popen(
            [*PROGRAM, *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment(self.home, COLUMNS="80", **extra),
        ):
            os.close(theirs)
            received = b""
            try:
                while part := os.read(ours, 1 << 16):
                    received += part
            except OSError:  # Linux says so at the end of a terminal
                pass
            os.close(ours)
        return received.decode().replace("\r\n", "\n")

    def start(self, *arguments: str | os.PathLike[str]) -> subprocess.Popen[bytes]:
        """Start it and come back at once; Ctrl-C reaches it, however these tests were started."""
        return subprocess.Popen(
            [*PROGRAM, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(self.home),
            # A shell starts what it puts in the background with SIGINT ignored, and so on down.
            preexec_fn=_heed_ctrl_c,
        )


def _heed_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
