"""Python programs as processes that need not import again what a thousand before them did.

A process that has imported what `clipsearch` uses waits for requests and forks for each. The
fork takes over the request's arguments, environment, folder and streams and is a process like
any other: it ends as it likes, can be killed, and nothing that it does reaches the next one.
Only the imports, most of what a short command costs, are there already; what a program imports
is asked in fresh processes (`tests/cli/test_cold_start.py`).
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from pathlib import Path

READ_AT_START = ("PYTHON", "LC_", "LANG", "LD_", "OMP_", "OPENBLAS_", "ORT_")
"""How the variables begin that Python and the libraries read once: a fork comes too late."""

OF_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "ORT_DISABLE_TELEMETRY": "1"}
"""What keeps imports from starting threads, which a fork would not have."""

Streams = tuple[int, int, int]
"""The descriptors of a program's standard input, output and errors."""


class Forker:
    """Runs one program at a time in a fork of a process that has imported what programs use."""

    def __init__(self) -> None:
        """Start the process; it ends with this one."""
        self._known = _read_at_start(os.environ)
        self._lock = threading.Lock()
        self._requests, theirs = socket.socketpair()
        server = Path(__file__).with_name("forked.py")
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, str(server), str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env={**os.environ, **OF_ONE_THREAD},
                process_group=0,
            )

    def can_give(self, environment: Mapping[str, str]) -> bool:
        """Whether nothing in an environment had to be there at a process's start."""
        return _read_at_start(environment) == self._known

    def run(self, program: Sequence[str], environment: Mapping[str, str], streams: Streams) -> int:
        """Run a program to its end; its exit code, as `subprocess` has it."""
        request = {
            "program": list(program),
            "environment": dict(environment),
            "folder": str(Path.cwd()),
        }
        message = json.dumps(request).encode()
        with self._lock, self._requests.makefile("rb") as answers:
            try:
                socket.send_fds(self._requests, [len(message).to_bytes(8)], streams)
                self._requests.sendall(message)
                return int(answers.readline())
            except BaseException:  # a time limit, most likely: nobody may read the late answer
                forker.cache_clear()
                os.killpg(self._process.pid, signal.SIGKILL)
                raise


@cache
def forker() -> Forker | None:
    """The one of this process; None where such a process cannot be forked safely."""
    return Forker() if sys.platform == "linux" else None


def run_on(streams: Streams, program: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run Python with `-m MODULE ...` or `FILE ...` on open streams; its exit code."""
    forks = forker()
    if forks is not None and forks.can_give(environment):
        return forks.run(program, environment, streams)
    stdin, stdout, stderr = streams
    return subprocess.run(
        [sys.executable, *program],
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        env=environment,
        timeout=120,
        check=False,
    ).returncode


def run_python(
    program: Sequence[str], environment: Mapping[str, str] = os.environ, stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """Run Python with `-m MODULE ...` or `FILE ...` on pipes, to its end."""
    (their_in, our_in), (our_out, their_out), (our_err, their_err) = (os.pipe() for _ in range(3))
    theirs = (their_in, their_out, their_err)
    with ThreadPoolExecutor(3) as pool:
        out, err = pool.submit(_read_all, our_out), pool.submit(_read_all, our_err)
        pool.submit(_write_all, our_in, stdin)
        try:
            code = run_on(theirs, program, environment)
        finally:
            for descriptor in theirs:
                os.close(descriptor)
        return subprocess.CompletedProcess(program, code, out.result(), err.result())


def _read_at_start(environment: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in environment.items() if key.startswith(READ_AT_START)}


def _read_all(descriptor: int) -> bytes:
    with open(descriptor, "rb") as stream:
        return stream.read()


def _write_all(descriptor: int, data: bytes) -> None:
    with suppress(BrokenPipeError), open(descriptor, "wb") as stream:
        stream.write(data)
