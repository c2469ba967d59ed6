"""Shows how far an ingestion is, on stderr: a bar on a terminal, else a line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import clipsearch
from clipsearch.cli.exits import say

SECONDS_BETWEEN_LINES = 5.0


class Lines:
    """Says every few seconds how far the work is, for logs and pipes."""

    def __init__(self) -> None:
        self._started = self._said = time.monotonic()
        self._phase = ""

    def __call__(self, progress: clipsearch.Progress) -> None:
        """Hear of progress."""
        now = time.monotonic()
        if progress.phase != self._phase:
            self._phase, self._started = progress.phase, now
        if now - self._said >= SECONDS_BETWEEN_LINES:
            self._said = now
            say(self._line(progress, now - self._started))

    def _line(self, progress: clipsearch.Progress, seconds: float) -> str:
        if progress.total is None:
            return f"{progress.phase}: {progress.done}"
        rate = progress.done / seconds if seconds else 0.0
        left = f", {_clock((progress.total - progress.done) / rate)} left" if rate else ""
        failed = f", {progress.failed} failed" if progress.failed else ""
        return (
            f"{progress.phase}: {progress.done} of {progress.total}, "
            f"{rate:.1f} {progress.unit}/s{left}{failed}"
        )


def shown_progress(*, quiet: bool) -> AbstractContextManager[clipsearch.ingest.OnProgress]:
    """A listener that shows progress as stderr can show it."""
    if quiet:
        return nullcontext(lambda _: None)
    return _bar() if sys.stderr.isatty() else nullcontext(Lines())


def captioning_step(
    hear: clipsearch.ingest.OnProgress,
) -> Callable[[str, int, int, int], None]:
    """A listener to an evaluation that captions: whatever it is at, pictures are captioned."""
    return lambda _, done, total, failed: hear(
        clipsearch.Progress("captioning", done, total, failed)
    )


@contextmanager
def shown_rows(*, quiet: bool) -> Iterator[clipsearch.exchange.OnRows]:
    """As `shown_progress`, of rows that are taken in."""
    with shown_progress(quiet=quiet) as hear:
        yield lambda done, total: hear(clipsearch.Progress("importing", done, total))


@contextmanager
def _bar() -> Iterator[clipsearch.ingest.OnProgress]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[failed]}", style="red"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        bar.add_task("starting", total=None, rate="", failed="")

        def hear(progress: clipsearch.Progress) -> None:
            if bar.tasks[0].description != progress.phase:
                bar.remove_task(bar.task_ids[0])
                bar.add_task(progress.phase, total=progress.total, rate="", failed="")
            speed = bar.tasks[0].speed
            bar.update(
                bar.task_ids[0],
                completed=progress.done,
                total=progress.total,
                rate=f"{speed:.1f} {progress.unit}/s" if speed and progress.total else "",
                failed=f"{progress.failed} failed" if progress.failed else "",
            )

        yield hear


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
