"""What can be wrong with an installation, looked at one by one."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distributions, version
from importlib.util import find_spec
from pathlib import Path

import clipsearch

NEEDED = (
    *("numpy", "pillow", "pillow-heif", "faiss-cpu", "onnxruntime", "tokenizers"),
    *("sqlalchemy", "filelock", "platformdirs", "click", "rich"),
)
EXTRAS = {"torch": "open_clip", "servers": "stamina", "openvino": "openvino", "demo": "skimage"}
"""An extra of ours, and the module that tells that it is here."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `advice` says what to do where it is not `ok`."""

    name: str
    state: str
    ok: bool = True
    advice: str | None = None


def examine(home: Path) -> Iterator[Finding]:
    """Look at everything; a look that fails is itself a finding."""
    looks: tuple[Callable[[Path], Iterator[Finding]], ...] = (
        *(_machine, _packages, _faiss, _pictures, _extras, _home, _builtin_tower, _collections),
    )
    for look in looks:
        try:
            yield from look(home)
        except Exception as error:
            name = look.__name__.removeprefix("_").replace("_", " ")
            yield Finding(name, f"{type(error).__name__}: {error}", ok=False)


def _machine(_: Path) -> Iterator[Finding]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    yield Finding("clipsearch", clipsearch.__version__)
    yield Finding("python", f"{platform.python_version()} on {platform.platform(terse=True)}")
    yield Finding("cores", str(len(os.sched_getaffinity(0))))
    yield Finding("memory", f"{memory / 2**30:.1f} GiB")
    yield Finding("sqlite", sqlite3.sqlite_version)


def _packages(_: Path) -> Iterator[Finding]:
    for name in NEEDED:
        try:
            yield Finding(name, version(name))
        except PackageNotFoundError:
            if name != "faiss-cpu":  # faiss-gpu may stand in its place
                yield Finding(name, "missing", ok=False, advice=f"pip install {name}")


def _faiss(_: Path) -> Iterator[Finding]:
    names = {str(found.metadata["Name"] or "").lower() for found in distributions()}
    kinds = sorted(name for name in names if name.replace("_", "-").startswith("faiss-"))
    if len(kinds) > 1:
        advice = f"pip uninstall -y {' '.join(kinds)} && pip install {kinds[-1]}"
        state = f"{' and '.join(kinds)} are both installed and break each other"
        yield Finding("faiss", state, ok=False, advice=advice)
    if not kinds:
        yield Finding("faiss", "missing", ok=False, advice="pip install faiss-cpu")
    import faiss

    yield Finding("GPUs", str(getattr(faiss, "get_num_gpus", int)()))


def _pictures(_: Path) -> Iterator[Finding]:
    from PIL import features

    heic = find_spec("pillow_heif") is not None
    yield Finding("HEIC", "yes" if heic else "no", heic, "pip install pillow-heif")
    for kind in ("webp", "avif", "jpg_2000", "libtiff"):
        there = bool(features.check(kind))
        advice = "pip install -U pillow brings it on most machines"
        yield Finding(kind, "yes" if there else "no", ok=there, advice=advice)


def _extras(_: Path) -> Iterator[Finding]:
    for extra, module in EXTRAS.items():
        there = find_spec(module) is not None
        state = "installed" if there else f"not installed (pip install 'clipsearch[{extra}]')"
        yield Finding(f"[{extra}]", state)


def _home(home: Path) -> Iterator[Finding]:
    """The nearest folder that exists says whether the home can be written."""
    there = next(place for place in (home, *home.parents) if place.exists())
    if not there.is_dir():
        state = f"{home}, {'a file' if there == home else f'{there} is a file'}, not a folder"
        yield Finding("home", state, ok=False, advice="name a folder with CLIPSEARCH_HOME")
        return
    writable = os.access(there, os.W_OK)
    advice = "make it writable, or name another with CLIPSEARCH_HOME"
    state = "writable" if writable else "not writable"
    yield Finding("home", f"{home}, {state}", ok=writable, advice=advice)
    free = shutil.disk_usage(there).free
    yield Finding("free space", f"{free / 2**30:.1f} GiB", free > 2**28, "free some space")


def _builtin_tower(home: Path) -> Iterator[Finding]:
    from clipsearch.towers import load_towers, usable, verify_tower
    from clipsearch.towers.loading import BUILTIN_FOLDER

    verify_tower(BUILTIN_FOLDER)
    tower = load_towers("builtin", home)
    ok = bool(usable(tower.embed_texts(["a cat"])).all())
    identity = tower.identity
    state = f"{identity.name}, {identity.dim} dimensions, {identity.precision}, files whole"
    yield Finding("built-in tower", state if ok else "gives no usable embedding", ok=ok)


def _collections(home: Path) -> Iterator[Finding]:
    for collection in collections(home):
        label = f"collection {collection.name}"
        try:
            with collection:
                found = collection.status()
            yield Finding(label, f"{found.images:,} images, {found.tower.name}")
        except clipsearch.ClipsearchError as error:
            yield Finding(label, str(error), ok=False)


def collections(home: Path) -> Iterator[clipsearch.Collection]:
    """The collections of a home, by name."""
    from clipsearch.settings import collections_folder

    folder = collections_folder(home)
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    for name in names:
        try:
            collection = clipsearch.Collection(name, home=home)
        except clipsearch.ClipsearchError:
            continue  # no name of a collection: the user's own folder
        if collection.exists:
            yield collection
