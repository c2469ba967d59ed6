"""One writer at a time. The operating system frees the lock of a process that dies."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clipsearch.errors import CollectionHeld

_LOCK = "writer.lock"
_HOLDER = "writer.pid"


@contextmanager
def only_writer(folder: Path, name: str, wait_seconds: float) -> Iterator[None]:
    """Hold the collection's lock; CollectionHeld names the holder after `wait_seconds`."""
    from filelock import FileLock, Timeout

    lock = FileLock(folder / _LOCK)
    try:
        lock.acquire(timeout=wait_seconds, poll_interval=0.1)
    except Timeout:
        raise CollectionHeld(name, _holder(folder)) from None
    try:
        (folder / _HOLDER).write_text(str(os.getpid()), encoding="ascii")
        yield
    finally:
        (folder / _HOLDER).unlink(missing_ok=True)
        lock.release()


def _holder(folder: Path) -> int | None:
    try:
        return int((folder / _HOLDER).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
