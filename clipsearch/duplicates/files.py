"""The files of images as they stand now: only these are compared, kept or called superfluous."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from clipsearch.catalogue import Reading
from clipsearch.catalogue.sketches import Held, held_images
from clipsearch.duplicates.group import Duplicate
from clipsearch.shards import as_found, in_shard
from clipsearch.values import FoundFile, Preprocessing, Skip, SkipCode

GONE = "it is gone since it was indexed"
CHANGED = "it changed since it was indexed"


@dataclass(slots=True)
class Standing:
    """Looks at each image's files once.

    A file that is gone or has changed is left out and noted in `unread`: what it holds now,
    nobody compared. Two names of one file (links, a folder that is reached in two ways) count
    once: whoever removed the one would lose the other.
    """

    under: Sequence[Path] = ()
    unread: dict[Path, Skip] = field(default_factory=dict)
    images: dict[int, Held] = field(default_factory=dict)

    def look(self, connection: Reading, ids: Iterable[int]) -> None:
        """Note those of the images that still lie in a file, oldest file first."""
        new = [image_id for image_id in ids if image_id not in self.images]
        for held in held_images(connection, new).values():
            self.images[held.image_id] = replace(held, files=self._standing(held.files))

    def has(self, image_id: int) -> bool:
        """Whether an image that was looked at lies in a file that stands."""
        held = self.images.get(image_id)
        return held is not None and bool(held.files)

    def rank(self, image_id: int) -> tuple[int, bool, int, int, Path]:
        """What is kept comes first: the original, as far as files tell.

        Most pixels; of equally many what names its camera or the time it was taken, which
        programs that turn or encode anew often lose; then the oldest file, for a copy is made
        later; then the most bytes, which is the least compressed; then the first name. Bytes
        alone mislead: a copy encoded at a higher quality than its original is larger and no
        better.
        """
        held = self.images[image_id]
        oldest = held.files[0]
        pixels = held.width * held.height
        return -pixels, not held.tells_of_taking, oldest.mtime_ns, -held.bytes, oldest.path

    def duplicates(self, image_id: int) -> list[Duplicate]:
        """The files of an image, oldest first."""
        held = self.images[image_id]
        size = held.width, held.height, held.bytes
        return [Duplicate(file.path, image_id, *size) for file in held.files]

    def _standing(self, files: Sequence[FoundFile]) -> tuple[FoundFile, ...]:
        found: dict[tuple[int, int, str], FoundFile] = {}
        for file in files:
            if self.under and not any(_lies(file.path, place) for place in self.under):
                continue
            if self._stands(file):
                found.setdefault(_identity(file.path), file)
        return tuple(sorted(found.values(), key=lambda file: (file.mtime_ns, file.path)))

    def _stands(self, file: FoundFile) -> bool:
        now = as_found(file.path)
        if now != file:
            reason = GONE if now is None else CHANGED
            self.unread[file.path] = Skip(file.path, SkipCode.CHANGED, reason)
        return now == file


def _identity(path: Path) -> tuple[int, int, str]:
    """What two names of one file have in common; of a member of a tar its name, too."""
    holder, member = in_shard(path) or (path, "")
    status = holder.stat()
    return status.st_dev, status.st_ino, member


def at_size(width: int, height: int) -> Preprocessing:
    """Bring a picture to exactly that size; at its own, nothing is done to it."""
    return Preprocessing(height, width, "squash", "bicubic", (0.0,) * 3, (1.0,) * 3)


def _lies(path: Path, place: Path) -> bool:
    return path == place or place in path.parents
