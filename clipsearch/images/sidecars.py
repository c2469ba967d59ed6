"""Which files beside pictures speak of them: `a.jpg.txt` of `a.jpg`, `a.txt` of every `a.*`."""

from __future__ import annotations

import os.path
from collections.abc import Iterable, Sequence
from pathlib import Path

SIDECARS = (".txt", ".json", ".xmp")


def sidecar_owners(names: Iterable[str], images: Sequence[str]) -> dict[str, list[str]]:
    """The images of one folder that each sidecar among `names` speaks of, by its name, sorted."""
    by_stem: dict[str, list[str]] = {}
    for image in images:
        by_stem.setdefault(split_name(image)[0], []).append(image)
    known = set(images)
    owners = {}
    for name in sorted(names):
        stem, ending = split_name(name)
        if ending in SIDECARS:
            owners[name] = [stem] if stem in known else by_stem.get(stem, [])
    return {name: own for name, own in owners.items() if own}


def split_name(name: str) -> tuple[str, str]:
    """The stem of a name and its ending in small letters; no Path is made, of a million names."""
    stem, ending = os.path.splitext(name)  # noqa: PTH122
    return stem, ending.lower()


def possible_sidecars(image: Path) -> list[Path]:
    """Where a sidecar of one picture may lie."""
    stems = dict.fromkeys([image.name, image.stem])
    return [image.with_name(stem + ending) for stem in stems for ending in SIDECARS]
