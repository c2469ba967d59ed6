"""Killed between any two durable steps, a writer leaves the old generation or the new one."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np

from clipsearch.durable import sweep
from clipsearch.indexes import (
    generations,
    open_generation,
    publish,
    recipe_named,
    retire,
    verify_generation,
)

# The child dies by SIGKILL right before its N-th durable step: no handler, no clean-up.
CHILD = """
import os, pathlib, shutil, signal, sys
from pathlib import Path
import numpy as np
from clipsearch.indexes import publish, recipe_named, retire

folder, fatal = Path(sys.argv[2]), int(sys.argv[3])
step = 0

def deadly(work):
    def counted(*args, **kwargs):
        global step
        step += 1
        if step == fatal:
            os.kill(os.getpid(), signal.SIGKILL)
        return work(*args, **kwargs)
    return counted

for module, name in ((os, "fsync"), (os, "replace"), (os, "rename"), (os, "unlink"),
                     (os, "rmdir"), (shutil, "rmtree")):
    setattr(module, name, deadly(getattr(module, name)))
pathlib.Path.replace = deadly(pathlib.Path.replace)
pathlib.Path.rename = deadly(pathlib.Path.rename)
rows = np.eye(8, dtype=np.float32)
if sys.argv[1] == "publish":
    publish(folder, 2, recipe_named("flat"), [(np.arange(8), rows)], {"made": "new"})
else:
    retire(folder, keep=1)
"""

ROWS = np.eye(8, dtype=np.float32)


def dies(work: str, folder: Path, step: int) -> bool:
    """Run the child; whether it died at that step (and did not end well before it)."""
    command = [sys.executable, "-c", CHILD, work, str(folder), str(step)]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode in (0, -signal.SIGKILL), ended.stderr
    return ended.returncode != 0


def published(folder: Path, number: int, made: str) -> None:
    publish(folder, number, recipe_named("flat"), [(np.arange(8), ROWS)], {"made": made})


def test_a_killed_publication_leaves_the_old_generation_or_the_new_one(tmp_path: Path) -> None:
    step, seen = 1, set()
    while True:
        folder = tmp_path / str(step)
        published(folder, 1, "old")
        died = dies("publish", folder, step)
        standing = generations(folder)
        seen.add(tuple(standing))
        for number in standing:
            verify_generation(folder, number)
        newest = open_generation(folder, standing[-1])
        assert newest.stamp == {"made": "new" if newest.number == 2 else "old"}
        sweep(folder)
        assert sorted(place.name for place in folder.iterdir()) == [
            f"{number:06d}" for number in standing
        ]
        if not died:
            break
        if standing == [1]:
            published(folder, 2, "again")
        step += 1
    assert seen == {(1,), (1, 2)}
    assert step > 6, "fewer durable steps than there must be"


def test_a_killed_retirement_leaves_whole_generations_only(tmp_path: Path) -> None:
    step = 1
    while True:
        folder = tmp_path / str(step)
        for number in (1, 2, 3):
            published(folder, number, "old")
        died = dies("retire", folder, step)
        assert generations(folder)[-1] == 3
        for number in generations(folder):
            verify_generation(folder, number)
        retire(folder, keep=1)
        assert [place.name for place in folder.iterdir()] == ["000003"]
        if not died:
            break
        step += 1
    assert step > 6, "fewer durable steps than there must be"
