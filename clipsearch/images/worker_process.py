"""The pool's end of one worker: starts it, asks it, and kills it when it takes too long."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from clipsearch.errors import DecodingUnavailable
from clipsearch.images.messages import Answer, Frame, pack_request, unpack_answer, write_frame
from clipsearch.values import FoundFile

_START_SECONDS = 120.0
_READ_BYTES = 1 << 16
_PIPE_BYTES = 1 << 20  # the most that Linux grants without privileges

# One worker a core: threads inside of it would only stand in each other's way.
_FIXED_ENVIRONMENT = {
    "ORT_DISABLE_TELEMETRY": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}


class WorkerDied(Exception):
    """The worker ended in the middle of its work."""


class WorkerTooSlow(Exception):
    """The worker did not answer in time."""


class WorkerProcess:
    """A running worker. It answers one request at a time."""

    def __init__(self, settings: Mapping[str, Any], environment: Mapping[str, str]) -> None:
        """Start the process; `introduce` waits until it is ready."""
        self._settings = settings
        # -P: a file named `PIL.py` in the current folder must not become the decoder.
        # Its own process group: Ctrl-C reaches the pool, and the pool ends its workers.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "clipsearch.images.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **_search_path(), **_FIXED_ENVIRONMENT, **environment},
            process_group=0,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._requests = self._process.stdin
        self._answers = self._process.stdout.fileno()
        _widen(self._answers)
        self._readable = select.poll()
        self._readable.register(self._answers, select.POLLIN)
        self._buffer = bytearray()

    def introduce(self) -> None:
        """Send the settings and wait until the worker is ready. Raises DecodingUnavailable."""
        try:
            write_frame(self._requests, self._settings)
            self._receive(time.monotonic() + _START_SECONDS)
        except (OSError, WorkerDied, WorkerTooSlow) as error:
            command = f"{sys.executable} -P -m clipsearch.images.worker"
            raise DecodingUnavailable(command) from error

    def ask(self, file: FoundFile, known: Sequence[bytes], seconds: float) -> Answer:
        """Have one file read. Raises WorkerTooSlow after `seconds`, WorkerDied."""
        deadline = time.monotonic() + seconds
        try:
            write_frame(self._requests, *pack_request(file, known))
        except OSError as error:
            raise WorkerDied(self._last_words()) from error
        return unpack_answer(file.path, self._receive(deadline))

    def kill(self) -> None:
        """Kill the process; who waits for its answer sees it die."""
        self._process.kill()

    def end(self) -> None:
        """Kill the process and reap it. One that hangs in the kernel is left to the system.

        Only for the thread that asks, or when there is none: it closes the pipes.
        """
        self._process.kill()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=5)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def _receive(self, deadline: float) -> Frame:
        while (end := self._buffer.find(b"\n")) < 0:
            self._wait(deadline)
            part = os.read(self._answers, _READ_BYTES)
            if not part:
                raise WorkerDied(self._last_words())
            self._buffer += part
        header: dict[str, Any] = json.loads(self._buffer[:end])
        payload = bytearray(header["payload"])
        got = len(self._buffer) - end - 1
        payload[:got] = self._buffer[end + 1 :]
        self._buffer.clear()
        view = memoryview(payload)
        while got < len(payload):
            self._wait(deadline)
            read = os.readv(self._answers, [view[got:]])
            if not read:
                raise WorkerDied(self._last_words())
            got += read
        return header, payload

    def _wait(self, deadline: float) -> None:
        remaining = deadline - time.monotonic()
        if remaining <= 0 or not self._readable.poll(remaining * 1000):
            raise WorkerTooSlow

    def _last_words(self) -> str:
        with suppress(subprocess.TimeoutExpired):
            code = self._process.wait(timeout=5)
            return signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return "no answer"


def _widen(pipe: int) -> None:
    """Let a whole picture fit into the pipe, so that the worker need not wait for us."""
    with suppress(ImportError, AttributeError, OSError):
        import fcntl

        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def _search_path() -> dict[str, str]:
    """Where the worker finds this package when it runs from a checkout."""
    root = str(Path(__file__).parents[2])
    if root in (sysconfig.get_path("purelib"), sysconfig.get_path("platlib")):
        return {}
    given = os.environ.get("PYTHONPATH")
    return {"PYTHONPATH": f"{given}{os.pathsep}{root}" if given else root}
