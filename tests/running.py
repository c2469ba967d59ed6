"""The installed program, run as a subprocess."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from forking import run_on, run_python

MODULE = ("-m", "clipsearch.cli")
PROGRAM = (sys.executable, *MODULE)

STOPPED = (130, -signal.SIGINT)
"""How a program ends that Ctrl-C stopped. Under `python -m`, Python ends by the signal itself if
the interrupt passed through an `exec` of text, as `dataclasses` has; a shell shows 130 for both."""


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

    A call is a process that need not import what others did (`forking.py`), unless it is given
    a variable that counts at a process's start; what `start` gives is fresh always.
    """

    home: Path

    def __call__(self, *arguments: str | os.PathLike[str], stdin: bytes = b"", **extra: str) -> Ran:
        done = run_python(_command(arguments), environment(self.home, **extra), stdin)
        return Ran(done.returncode, done.stdout, done.stderr)

    def on_terminal(self, *arguments: str | os.PathLike[str], **extra: str) -> str:
        """What a terminal of 80 columns receives, stdout and stderr together."""
        ours, theirs = pty.openpty()
        variables = environment(self.home, COLUMNS="80", **extra)
        with ThreadPoolExecutor(1) as pool:
            received = pool.submit(_read_terminal, ours)
            try:
                run_on((theirs,) * 3, _command(arguments), variables)
            finally:
                os.close(theirs)
            return received.result().decode().replace("\r\n", "\n")

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


def _command(arguments: Sequence[str | os.PathLike[str]]) -> list[str]:
    return [*MODULE, *(os.fspath(argument) for argument in arguments)]


def _read_terminal(descriptor: int) -> bytes:
    received = b""
    with open(descriptor, "rb", buffering=0) as terminal, suppress(OSError):
        while part := terminal.read(1 << 16):  # Linux ends a terminal with an error
            received += part
    return received


def _heed_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
