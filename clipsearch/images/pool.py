"""Decodes files in processes of their own, so that a bad picture hurts itself alone."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Generator, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from clipsearch.images.limits import DecodeLimits
from clipsearch.images.messages import Answer, pack_settings
from clipsearch.images.worker_process import WorkerDied, WorkerProcess, WorkerTooSlow
from clipsearch.processors import usable_cpus
from clipsearch.values import FoundFile, Preprocessing, Skip, SkipCode

AHEAD_PER_WORKER = 16
"""How many files may be read ahead of the consumer, for each worker."""

_MOST_WORKERS = 16


class DecodePool:
    """Workers that read, hash and decode files; leaving the `with` block ends them all.

    `workers` defaults to the processors at hand, 16 at most; they start with the first file.
    `environment` is added to theirs.
    """

    def __init__(
        self,
        preprocessing: Preprocessing,
        limits: DecodeLimits,
        workers: int | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start nothing yet. Raises ValueError for fewer than one worker."""
        self.workers = min(usable_cpus(), _MOST_WORKERS) if workers is None else workers
        if self.workers < 1:
            raise ValueError(f"a pool needs at least one worker, not {workers}")
        self._limits = limits
        self._settings = pack_settings(preprocessing, limits)
        self._environment = dict(environment or {})
        self._threads = ThreadPoolExecutor(self.workers, "clipsearch-decode")
        self._own = threading.local()
        self._lock = threading.Lock()
        self._running: set[WorkerProcess] = set()
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Kill the workers, finished or not; safe to call again."""
        with self._lock:
            self._closed = True
            running = list(self._running)
        for worker in running:
            worker.kill()
        self._threads.shutdown(wait=True, cancel_futures=True)
        for worker in running:
            worker.end()

    def decode(
        self, files: Iterable[tuple[FoundFile, Sequence[bytes]]]
    ) -> Generator[Answer, None, None]:
        """Read each file (with the fingerprints known for its size); answers in input order.

        A content that is known comes back as Recognised, undecoded; what cannot be read as
        Skip. `files` is consumed in the caller's thread, at most `AHEAD_PER_WORKER` times
        `workers` files ahead of the answers. Raises DecodingUnavailable if no worker can start.
        """
        waiting: deque[Future[Answer]] = deque()
        try:
            for file, known in files:
                waiting.append(self._threads.submit(self._read, file, known))
                if len(waiting) == AHEAD_PER_WORKER * self.workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()

    def _read(self, file: FoundFile, known: Sequence[bytes]) -> Answer:
        """Have this thread's worker read a file, and replace the worker if that ends it."""
        worker = self._worker()
        try:
            return worker.ask(file, known, self._limits.seconds)
        except WorkerTooSlow:
            self._end(worker)
            reason = f"reading it took longer than {self._limits.seconds:g} s"
            return Skip(file.path, SkipCode.TIMEOUT, reason)
        except WorkerDied as death:
            self._end(worker)
            return Skip(file.path, SkipCode.CRASHED, f"its decoder crashed ({death})")

    def _worker(self) -> WorkerProcess:
        worker: WorkerProcess | None = getattr(self._own, "worker", None)
        if worker is None:
            with self._lock:
                if self._closed:
                    raise ValueError("the pool is closed")
                worker = WorkerProcess(self._settings, self._environment)
                self._running.add(worker)
            worker.introduce()
            self._own.worker = worker
        return worker

    def _end(self, worker: WorkerProcess) -> None:
        worker.end()
        self._own.worker = None
        with self._lock:
            self._running.discard(worker)
