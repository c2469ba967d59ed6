"""Pictures inside a tar, read where they lie: nothing is ever unpacked to the disk."""

from __future__ import annotations

import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePosixPath

from clipsearch.captions.captioned import Row
from clipsearch.captions.folders import PICTURES
from clipsearch.evaluation_errors import SourceUnreadable
from clipsearch.values import Skip, SkipCode

MOST_MEMBERS = 1_000_000
LARGEST_MEMBER = 1 << 30


class Tar:
    """A tar's plain files by name; links, devices and names that lead outside are left out.

    Reading is safe from several threads. Raises SourceUnreadable.
    """

    def __init__(self, path: Path, skips: list[Skip]) -> None:
        self._lock = threading.Lock()
        try:
            self._tar = tarfile.open(path)  # noqa: SIM115 - pictures are read as they are needed
            self.members = {member.name: member for member in self._safe(path, skips)}
        except (OSError, tarfile.TarError, EOFError) as error:
            raise SourceUnreadable(str(path), f"it is no whole tar ({error})") from error

    def read(self, name: str) -> bytes:
        """The bytes of a member. Raises OSError."""
        with self._lock:
            opened = self._tar.extractfile(self.members[name])
            if opened is None:
                raise FileNotFoundError(2, "it is not in the tar", name)
            return opened.read()

    def _safe(self, path: Path, skips: list[Skip]) -> Iterator[tarfile.TarInfo]:
        for count, member in enumerate(self._tar):
            if count >= MOST_MEMBERS:
                raise tarfile.TarError(f"more than {MOST_MEMBERS:,} members")
            name = PurePosixPath(member.name)
            if member.isdir():
                continue
            if name.is_absolute() or ".." in name.parts or not member.isfile():
                reason = "a member that leads outside, a link or a device"
                skips.append(Skip(path / name.name, SkipCode.NOT_A_FILE, reason))
            elif member.size > LARGEST_MEMBER:
                skips.append(Skip(path / name.name, SkipCode.TOO_LARGE, "a member over 1 GiB"))
            else:
                yield member


def shard_rows(shard: Path, skips: list[Skip]) -> Iterator[Row]:
    """Yield the pictures of a webdataset tar with the captions in the .txt of the same stem."""
    tar = Tar(shard, skips)
    stems = set()
    for name in tar.members:
        stem, _, ending = name.rpartition(".")
        if f".{ending.lower()}" in PICTURES:
            stems.add(stem)
            words = f"{stem}.txt"
            text = tar.read(words).decode("utf-8-sig", "replace") if words in tar.members else ""
            for line in text.splitlines() or [""]:
                yield Row(name, line, partial(tar.read, name))
    for name in tar.members:
        if name.endswith(".txt") and name.removesuffix(".txt") not in stems:
            skips.append(Skip(shard / name, SkipCode.UNREADABLE, "a caption without a picture"))
