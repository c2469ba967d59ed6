"""clipsearch watch, as a process beside others."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

import pytest
from running import STOPPED, Clipsearch

pytest.importorskip("watchfiles", reason="watching needs clipsearch[watch]")

Paint = Callable[[str, str], Path]


class Watching:
    """A running `clipsearch watch --json` and the events that it wrote."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self._events: Queue[dict[str, Any] | None] = Queue()
        Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._events.put(json.loads(line))
        self._events.put(None)

    def next(self, kind: str) -> dict[str, Any]:
        """The next event of that kind."""
        while (event := self._events.get(timeout=120)) is not None:
            if event["event"] == kind:
                return event
        raise AssertionError(f"it ended before {kind!r}")

    def end(self, sign: signal.Signals = signal.SIGINT) -> tuple[int, str]:
        self.process.send_signal(sign)
        code = self.process.wait(timeout=60)
        assert self.process.stderr is not None
        return code, self.process.stderr.read().decode()


@pytest.fixture
def watching(clipsearch: Clipsearch, pictures: Path, paint: Paint) -> Iterator[Watching]:
    paint("red.png", "red")
    watch = Watching(clipsearch.start("watch", pictures, "--json", "--settle", "0.2"))
    yield watch
    if watch.process.poll() is None:
        watch.process.kill()
        watch.process.wait()


def paths(clipsearch: Clipsearch) -> list[str]:
    return [Path(line.split("\t")[1]).name for line in clipsearch("list", "default").lines]


def test_pictures_are_taken_over_as_they_come_move_and_go(
    watching: Watching, clipsearch: Clipsearch, pictures: Path, paint: Paint
) -> None:
    assert watching.next("ready")["added"] == 1
    paint("blue.png", "blue")
    assert watching.next("updated")["added"] == 1
    assert sorted(paths(clipsearch)) == ["blue.png", "red.png"]
    # the collection is free between changes
    assert clipsearch("index", pictures).code == 0
    (pictures / "sub").mkdir()
    (pictures / "blue.png").rename(pictures / "sub" / "sea.png")
    assert watching.next("updated")["moved"] == 1
    (pictures / "red.png").unlink()
    assert watching.next("updated")["removed"] == 1
    assert paths(clipsearch) == ["sea.png"]
    code, said = watching.end()
    assert code in STOPPED
    assert "stopped watching" in said
    assert "Traceback" not in said


def test_a_folder_that_goes_away_drops_nothing_and_is_taken_up_again(
    watching: Watching, clipsearch: Clipsearch, pictures: Path, paint: Paint
) -> None:
    watching.next("ready")
    away = pictures.with_name("elsewhere")
    pictures.rename(away)
    watching.next("away")
    assert paths(clipsearch) == ["red.png"]
    shutil.copy(away / "red.png", away / "copy.png")
    os.utime(away / "copy.png", ns=(5, 5))
    away.rename(pictures)
    watching.next("back")
    assert watching.next("updated")["added"] == 1
    paint("blue.png", "blue")
    assert watching.next("updated")["added"] == 1
    assert watching.end(signal.SIGTERM)[0] == 143


def test_without_folders_it_says_what_to_do(clipsearch: Clipsearch) -> None:
    ran = clipsearch("watch")
    assert ran.code == 2
    assert "no folders" in ran.err
