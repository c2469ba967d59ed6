"""Keeps a collection up to its folders while they change.

The system says where something changed; the root it lies under is then taken in as `ingest`
does, so that moves are seen, what is excluded stays out, and nothing is dropped under a folder
that is gone or suddenly empty. Between two ingestions nothing is held: others read and write.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from clipsearch.errors import CollectionHeld, ExtraMissing, NothingReadable, PathMissing
from clipsearch.images.scan import EXTENSIONS
from clipsearch.ingest import IngestOptions, IngestReport

TICK = 1.0
"""Seconds between two looks at whether the roots stand and whether to stop."""
LONGEST_UNREST = 10.0
"""Seconds after which changes are taken in although more keep coming."""
POLL = 60.0
"""Seconds between two looks where the system cannot say what changes."""

TELLING = EXTENSIONS | {".tar", ".txt", ".json", ".jsonl", ".csv", ".tsv", ".xmp", ""}
"""The endings of pictures, of what holds their captions, and of folders."""

Root = Path
Kind = Literal["ready", "updated", "unreadable", "away", "back", "held", "polling"]


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """How folders are watched.

    Changes are taken in once nothing more came for `settle` seconds. `poll` looks at everything
    every so many seconds instead, for disks that other machines write (None: the system tells).
    """

    settle: float = 1.0
    poll: float | None = None
    ingest: IngestOptions = field(default_factory=IngestOptions)


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """Something that happened, and to which roots.

    | kind | meaning |
    |---|---|
    | ready | all roots were taken in (see `report`), and are watched from now on |
    | updated | something changed, and was taken in: see `report` |
    | unreadable | nothing at all under them could be read: see `detail` |
    | away, back | a root is gone, and nothing was dropped; it, or another in its place, is there |
    | held | another process writes the collection; it is tried again |
    | polling | the system cannot watch them: they are looked at every minute; see `detail` |
    """

    kind: Kind
    roots: tuple[Root, ...]
    report: IngestReport | None = None
    detail: str = ""


OnEvent = Callable[[WatchEvent], None]


@dataclass(frozen=True, slots=True)
class Place:
    """How roots are taken in, and the home, whose own changes are none."""

    ingest: Callable[[Sequence[Root]], IngestReport]
    home: Path


class Watch:
    """One watch over some roots; it ends when `stop` is set, or by an exception."""

    def __init__(
        self, place: Place, roots: Sequence[Root], options: WatchOptions, tell: OnEvent
    ) -> None:
        self._place = place
        self._roots = tuple(roots)
        self._options = options
        self._tell = tell
        self._pending = set(roots)
        self._ready = False
        self._held = False
        self._not_before = 0.0
        self._poll = options.poll

    def run(self, stop: threading.Event) -> None:
        """Take everything in, then what changes. Raises what `ingest` raises of the home."""
        standing = {root: _identity(root) for root in self._roots}
        self._say_gone(standing)
        while not stop.is_set():
            with self._eyes(standing) as eyes:
                while not stop.is_set() and standing == (now := self._look()):
                    self._take_in()
                    self._note(eyes)
            changed = [root for root in self._roots if standing[root] != now[root]]
            self._say_gone({root: now[root] for root in changed})
            back = tuple(root for root in changed if now[root] is not None)
            if back:
                self._pending.update(back)
                self._tell(WatchEvent("back", back))
            standing = now

    def _look(self) -> dict[Root, tuple[int, int] | None]:
        return {root: _identity(root) for root in self._roots}

    def _say_gone(self, standing: dict[Root, tuple[int, int] | None]) -> None:
        away = tuple(root for root, identity in standing.items() if identity is None)
        if away:
            self._tell(WatchEvent("away", away))

    def _eyes(self, standing: dict[Root, tuple[int, int] | None]) -> Eyes:
        roots = [root for root, identity in standing.items() if identity is not None]
        return Eyes([] if self._poll else roots, self._options.settle, self._place.home)

    def _note(self, eyes: Eyes) -> None:
        """Wait for a moment, and note which roots have changed."""
        changed = eyes.changed(TICK)
        if isinstance(changed, Exception):
            self._poll = POLL
            self._tell(WatchEvent("polling", self._roots, detail=str(changed)))
        else:
            self._pending.update(changed)
        if self._poll and self._ready and time.monotonic() >= self._not_before + self._poll:
            self._pending.update(self._roots)

    def _take_in(self) -> None:
        """Take in what is pending, unless the last time was too long ago or too short."""
        there = [root for root in self._roots if root in self._pending and root.exists()]
        if (self._ready and not there) or time.monotonic() < self._not_before:
            return
        started = time.monotonic()
        report, event = self._ingest(there)
        if event is not None and event.kind == "held":
            return
        self._pending.clear()
        # a large folder must not be walked without a pause
        self._not_before = time.monotonic() + (time.monotonic() - started)
        if event is not None:
            self._tell(event)
        elif self._ready and report is not None and _says_something(report):
            self._tell(WatchEvent("updated", tuple(there), report))
        if not self._ready:
            self._ready = True
            self._tell(WatchEvent("ready", self._roots, report))

    def _ingest(self, roots: list[Root]) -> tuple[IngestReport | None, WatchEvent | None]:
        if not roots:
            return None, None
        try:
            report = self._place.ingest(roots)
        except CollectionHeld as error:
            told, self._held = self._held, True
            event = WatchEvent("held", tuple(roots), detail=str(error))
            if not told:
                self._tell(event)
            return None, event
        except PathMissing:
            return None, None  # it went while we looked: the next look says so
        except NothingReadable as error:
            return None, WatchEvent("unreadable", tuple(roots), detail=str(error))
        self._held = False
        return report, None


class Eyes:
    """A thread that hears from the system what changes under some roots."""

    def __init__(self, roots: Sequence[Root], settle: float, home: Path) -> None:
        self._roots = tuple(roots)
        self._settle = settle
        self._home = home
        self._stop = threading.Event()
        self._heard: queue.Queue[set[Root] | Exception] = queue.Queue()
        self._thread = threading.Thread(target=self._watch, name="clipsearch-watch", daemon=True)

    def __enter__(self) -> Self:
        if self._roots:
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        if self._roots:
            self._thread.join(timeout=5)

    def changed(self, seconds: float) -> set[Root] | Exception:
        """The roots under which something changed; empty when nothing did for `seconds`."""
        with suppress(queue.Empty):
            return self._heard.get(timeout=seconds)
        return set()

    def _watch(self) -> None:
        from watchfiles import watch

        try:
            for changes in watch(
                *self._roots,
                watch_filter=None,
                debounce=int(LONGEST_UNREST * 1000),
                step=max(50, int(self._settle * 1000)),
                stop_event=self._stop,
                rust_timeout=500,
                ignore_permission_denied=True,
            ):
                if roots := self._concerned(path for _, path in changes):
                    self._heard.put(roots)
        except Exception as error:  # too many folders for the system, or none that it can watch
            self._heard.put(error)

    def _concerned(self, changes: Iterable[str]) -> set[Root]:
        """The roots of the changes, but for those of other files and in our own home.

        Names come as UTF-8 with what is none replaced: where no root is found, it may be any.
        """
        found: set[Root] = set()
        for change in map(Path, changes):
            if change.suffix.lower() not in TELLING or change.is_relative_to(self._home):
                continue
            above = [root for root in self._roots if change.is_relative_to(root)]
            found.update(above or self._roots)
        return found


def check_watchfiles() -> None:
    """Raise ExtraMissing where the library that asks the system is not installed."""
    try:
        import watchfiles  # noqa: F401
    except ImportError:
        raise ExtraMissing("watch", "watching folders") from None


def _identity(root: Root) -> tuple[int, int] | None:
    """What tells a folder from another that takes its name, as a disk that is mounted over it."""
    try:
        found = os.stat(root)  # noqa: PTH116 - a root may hold any bytes
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


def _says_something(report: IngestReport) -> bool:
    changed = report.added + report.updated + report.moved + report.removed
    changed += report.captions_added + report.captions_removed
    return bool(changed or report.missing or report.emptied)
