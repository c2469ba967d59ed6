"""A program watches folders: events, other writers, other towers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue

import pytest
from colour_towers import ColourTowers

from clipsearch import Collection, WatchEvent, WatchOptions
from clipsearch.errors import NoRoots
from clipsearch.lock import only_writer

Paint = Callable[[str, str], Path]
POLLING = WatchOptions(poll=1.0)


@contextmanager
def watched(
    collection: Collection, root: Path, options: WatchOptions
) -> Iterator[Queue[WatchEvent]]:
    """The events of a watch that runs in a thread of its own."""
    events: Queue[WatchEvent] = Queue()
    stop = threading.Event()
    watch = threading.Thread(target=collection.watch, args=([root], options, events.put, stop))
    watch.start()
    try:
        yield events
    finally:
        stop.set()
        watch.join(timeout=60)
    assert not watch.is_alive()


def test_what_the_system_cannot_tell_is_looked_for(
    collection: Collection, pictures: Path, paint: Paint
) -> None:
    paint("red.png", "red")
    with watched(collection, pictures, POLLING) as events:
        kinds_and_added = []
        for name in ("blue.png", "green.png"):
            event = events.get(timeout=60)
            assert event.report is not None
            kinds_and_added.append((event.kind, event.report.added))
            paint(name, "blue")
        assert kinds_and_added == [("ready", 1), ("updated", 1)]


def test_another_writer_is_waited_for(collection: Collection, pictures: Path, paint: Paint) -> None:
    collection.ingest([paint("red.png", "red")])
    with (
        only_writer(collection.folder, "default", 0.0),
        watched(collection, pictures, POLLING) as events,
    ):
        assert events.get(timeout=60).kind == "held"
    with watched(collection, pictures, POLLING) as events:
        assert events.get(timeout=60).kind == "ready"


def test_nothing_to_watch_is_an_error(collection: Collection) -> None:
    with pytest.raises(NoRoots):
        collection.watch()


def test_a_collection_that_is_taken_away_meanwhile_begins_anew(
    collection: Collection, home: Path, pictures: Path, paint: Paint
) -> None:
    paint("red.png", "red")
    with watched(collection, pictures, POLLING) as events:
        while events.get(timeout=60).kind != "ready":
            pass
        Collection(home=home, tower=ColourTowers()).delete()
        assert events.get(timeout=60).kind == "updated"
    assert len(collection) == 1
