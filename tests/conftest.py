"""What many tests need: a home of their own, painted pictures, real photographs."""

from __future__ import annotations

import os
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from colour_towers import ColourTowers
from PIL import Image as PillowImage

from clipsearch import Collection

# Nothing that a test starts may write outside its own home.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
# What hundreds of processes import is compiled once.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

if "PYTEST_XDIST_WORKER" in os.environ:
    # Pytest runs processes side by side: pools of one in each do not stand in each other's way.
    for variable in ("PYTHON_CPU_COUNT", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = "1"

Paint = Callable[[str, str], Path]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty CLIPSEARCH_HOME."""
    home = tmp_path / "home"
    monkeypatch.setenv("CLIPSEARCH_HOME", str(home))
    return home


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """An empty folder for pictures."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    return folder


@pytest.fixture
def paint(pictures: Path) -> Paint:
    """Paints a picture of one colour, with a grain that makes its content its own."""

    def painted(name: str, colour: str) -> Path:
        path = pictures / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image = PillowImage.new("RGB", (48, 32), colour)
        grain = np.random.default_rng(zlib.crc32(name.encode())).integers(0, 256, 3).tolist()
        image.putpixel((0, 0), tuple(grain))
        image.save(path)
        return path

    return painted


@pytest.fixture
def collection(home: Path) -> Collection:
    """A collection that does not exist yet, with towers that see colours."""
    return Collection(home=home, tower=ColourTowers())


@pytest.fixture(scope="session")
def photographs() -> Path:
    """The folder of photographs that scikit-image ships."""
    skimage = pytest.importorskip("skimage", reason="the photographs come with clipsearch[demo]")
    return Path(skimage.__file__).parent / "data"


@pytest.fixture(scope="session")
def squares_captioner(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a captioner that tells the colours of squares; its data lie beside it."""
    pytest.importorskip("torch", reason="a captioner is trained with clipsearch[torch,train]")
    from tiny_captioner import train_on_squares

    return train_on_squares(tmp_path_factory.mktemp("squares"))
