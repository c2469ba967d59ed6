"""What the image tower sees in the training pictures, computed once and kept on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clipsearch.towers.grid import GridTower
from clipsearch.training.durable_files import written_durably
from clipsearch.training.tuning.material import Pictured
from clipsearch.training.tuning.views import random_view, whole_picture
from clipsearch.values import Pixels, Skip

CHUNK = 64
WHOLE, MIRRORED = 0, 1
Listener = Callable[[int, int], None]
"""Told of pictures done and pictures in all."""


@dataclass(frozen=True, slots=True)
class CachedSights:
    """Views of n pictures as a tower sees them.

    `places` float16 [n, places, channels] and `embeddings` float16 [n, dim], one of each a view.
    They are mapped files: what is read is read from the disk.
    """

    places: tuple[NDArray[np.float16], ...]
    embeddings: tuple[NDArray[np.float16], ...]

    @property
    def views(self) -> int:
        """How many views each picture has."""
        return len(self.places)


def cached_sights(
    tower: GridTower,
    pictures: Sequence[Pictured],
    views: int,
    folder: Path,
    listener: Listener = lambda done, of: None,
) -> CachedSights:
    """Look at every picture in each view: whole, mirrored, then random windows of either.

    Views that a file in `folder` holds are taken from it. Pictures that cannot be read are grey.
    Raises HomeUnwritable, StorageFull.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found = [_cached_view(tower, pictures, view, folder, listener) for view in range(views)]
    return CachedSights(tuple(each for each, _ in found), tuple(each for _, each in found))


def _cached_view(
    tower: GridTower, pictures: Sequence[Pictured], view: int, folder: Path, listener: Listener
) -> tuple[NDArray[np.float16], NDArray[np.float16]]:
    key = _key(tower, pictures, view)
    places, embeddings = folder / f"places-{key}.npy", folder / f"embeddings-{key}.npy"
    if not embeddings.exists():
        _look(tower, pictures, view, (places, embeddings), listener)
    return np.load(places, mmap_mode="r"), np.load(embeddings)


def _look(
    tower: GridTower,
    pictures: Sequence[Pictured],
    view: int,
    targets: tuple[Path, Path],
    listener: Listener,
) -> None:
    """Write both files, the one that says that a view is whole last."""
    kept: list[NDArray[np.float16]] = []
    with written_durably(targets[0]) as unfinished:
        opened: NDArray[np.float16] | None = None
        for start, pixels in _chunks(tower, pictures, view):
            seen = tower.see(pixels)
            if opened is None:
                shape = (len(pictures), *seen.places.shape[1:])
                opened = np.lib.format.open_memmap(unfinished, "w+", np.float16, shape)
            opened[start : start + len(pixels)] = seen.places
            kept.append(seen.embeddings.astype(np.float16))
            listener(start + len(pixels), len(pictures))
        if isinstance(opened, np.memmap):
            opened.flush()
    with written_durably(targets[1]) as unfinished, unfinished.open("wb") as file:
        np.save(file, np.concatenate(kept), allow_pickle=False)


def _chunks(
    tower: GridTower, pictures: Sequence[Pictured], view: int
) -> Iterator[tuple[int, Pixels]]:
    for start in range(0, len(pictures), CHUNK):
        some = pictures[start : start + CHUNK]
        yield start, np.stack([view_of(tower, each, view) for each in some])


def view_of(tower: GridTower, picture: Pictured, view: int) -> Pixels:
    """View 0 is the whole picture, 1 its mirror image, then random windows, every other mirrored.

    Equal for equal contents: the window's seed is the picture's fingerprint and the view.
    """
    preprocessing = tower.preprocessing
    found: Pixels | Skip
    if view <= MIRRORED:
        found = whole_picture(picture, preprocessing)
    else:
        seed = int.from_bytes(picture.fingerprint[:8], "little")
        found = random_view(picture, preprocessing, np.random.default_rng((seed, view)))
    if isinstance(found, Skip):
        return np.full((preprocessing.height, preprocessing.width, 3), 128, np.uint8)
    return found[:, ::-1] if view % 2 == MIRRORED else found


def _key(tower: GridTower, pictures: Sequence[Pictured], view: int) -> str:
    hashed = hashlib.sha256(tower.digest.encode())
    for each in pictures:
        hashed.update(each.fingerprint)
    return f"{hashed.hexdigest()[:16]}-{view}"
