"""What the tower tests share."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from clipsearch.values import Pixels

ROOT = Path(__file__).resolve().parents[2]

Fresh = Callable[..., str]
"""Runs a program in a fresh Python whose HOME is empty: `fresh(source, home=..., **variables)`."""


@pytest.fixture
def fresh(tmp_path: Path) -> Fresh:
    """A fresh process; gives what it printed."""

    def run(source: str, home: Path | None = None, **variables: str) -> str:
        home = home or tmp_path / "empty-home"
        home.mkdir(exist_ok=True)
        kept = {
            name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ
        }
        environment = kept | {"HOME": str(home), "PYTHONPATH": str(ROOT)} | variables
        done = subprocess.run(
            [sys.executable, "-c", source],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def pixels() -> Pixels:
    """Eleven random pictures of the tiny models' size, uint8 [11, 32, 32, 3]."""
    return np.random.default_rng(0).integers(0, 256, (11, 32, 32, 3), dtype=np.uint8)
