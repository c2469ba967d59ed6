"""Stopped in the middle of indexing, by hand or by the system, and gone on with."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage
from running import Clipsearch

from clipsearch import Collection, CollectionStatus
from clipsearch.errors import CollectionMissing

COUNT = 96


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Enough pictures that there is a middle to be stopped in."""
    folder = tmp_path_factory.mktemp("many")
    noise = np.random.default_rng(0)
    for number in range(COUNT):
        pixels = noise.integers(0, 256, (300, 400, 3), dtype=np.uint8)
        PillowImage.fromarray(pixels).save(folder / f"{number:03}.png", compress_level=0)
    return folder


def images_in(home: Path) -> int:
    try:
        with Collection(home=home) as collection:
            return len(collection)
    except CollectionMissing:
        return 0


@pytest.mark.parametrize(
    ("signals", "code"),
    [
        ([signal.SIGINT], 130),
        ([signal.SIGTERM], 143),
        ([signal.SIGINT, signal.SIGINT], 130),
    ],
    ids=["ctrl-c", "sigterm", "ctrl-c twice"],
)
def test_a_stopped_run_keeps_what_is_in_and_the_next_goes_on(
    clipsearch: Clipsearch, many: Path, signals: list[signal.Signals], code: int
) -> None:
    running = clipsearch.start("index", many, "--batch", "8")
    deadline = time.monotonic() + 60
    while images_in(clipsearch.home) == 0 and time.monotonic() < deadline:
        time.sleep(0.02)
    for each in signals:
        running.send_signal(each)
        time.sleep(0.01)
    _, err = running.communicate(timeout=30)
    assert running.returncode == code
    assert b"Traceback" not in err
    kept = images_in(clipsearch.home)
    assert 0 < kept < COUNT
    if len(signals) == 1:
        assert err.decode() == f"stopped; {kept} images are in; run it again to go on.\n"
    ran = clipsearch("index", many)
    assert ran.out.startswith(f"{COUNT - kept} added, ")
    assert f" {kept} unchanged, " in ran.out
    assert status(clipsearch.home).images == COUNT


def status(home: Path) -> CollectionStatus:
    with Collection(home=home) as collection:
        return collection.status()
