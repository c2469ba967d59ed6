"""A folder of pictures, each with its captions in a .txt of the same name, one a line.

What `clipsearch caption` wrote there is left out: nothing is measured on a model's own words.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from clipsearch.captions.captioned import Row
from clipsearch.captions.generated import GeneratedTexts
from clipsearch.captions.sidecars import SOURCE, sidecar_text
from clipsearch.values import Skip, SkipCode

PICTURES = frozenset(
    {
        *(".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp"),
        *(".avif", ".heic", ".heif", ".jp2"),
    }
)


def folder_rows(folder: Path, skips: list[Skip]) -> Iterator[Row]:
    """Yield the pictures under a folder with their sidecar captions; links are not followed."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    stems, generated = set(), GeneratedTexts()
    for path in files:
        if path.suffix.lower() not in PICTURES:
            continue
        stems.add(path.with_suffix(""))
        texts = [""]
        if (sidecar := path.with_suffix(".txt")).is_file():
            found = sidecar_text(sidecar.name, sidecar.read_bytes())
            skips += [Skip(sidecar, SkipCode.UNREADABLE, fault) for fault in found.faults]
            told = generated.marked(sidecar.parent, found.captions)
            texts += [caption.text for caption in told if caption.source == SOURCE]
        for text in texts:
            yield Row(path.relative_to(folder).as_posix(), text, path.read_bytes)
    for path in files:
        if path.suffix == ".txt" and path.with_suffix("") not in stems:
            skips.append(Skip(path, SkipCode.UNREADABLE, "a caption without a picture"))
