"""Captioned pictures inside a tar, read where they lie: nothing is ever unpacked to the disk."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from clipsearch.captions.captioned import Row
from clipsearch.captions.folders import PICTURES
from clipsearch.evaluation_errors import SourceUnreadable
from clipsearch.refused import Refused
from clipsearch.shards import LARGEST_MEMBER, member_bytes, open_shard
from clipsearch.values import FoundFile, Skip, SkipCode


class Tar:
    """A tar's plain files by name; links, devices and names that lead outside are left out.

    Reading is safe from several threads. Raises SourceUnreadable, also for one that breaks off.
    """

    def __init__(self, path: Path, skips: list[Skip]) -> None:
        self._path = path
        try:
            status = path.stat()
            shard = open_shard(FoundFile(path, status.st_size, status.st_mtime_ns))
        except OSError as error:
            raise SourceUnreadable(str(path), (error.strerror or str(error)).lower()) from error
        except Refused as refused:
            raise SourceUnreadable(str(path), refused.reason) from refused
        if not shard.whole:
            raise SourceUnreadable(str(path), "it is no whole tar")
        large = {name for name, each in shard.members.items() if each.size > LARGEST_MEMBER}
        skips += shard.skips
        skips += [Skip(path / name, SkipCode.TOO_LARGE, "a member over 1 GiB") for name in large]
        self.members = [name for name in shard.members if name not in large]
        self._names = frozenset(self.members)

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def read(self, name: str) -> bytes:
        """The bytes of a member. Raises OSError."""
        return member_bytes(self._path, name)


def shard_rows(shard: Path, skips: list[Skip]) -> Iterator[Row]:
    """Yield the pictures of a webdataset tar with the captions in the .txt of the same stem."""
    tar = Tar(shard, skips)
    stems = set()
    for name in tar.members:
        stem, _, ending = name.rpartition(".")
        if f".{ending.lower()}" in PICTURES:
            stems.add(stem)
            words = f"{stem}.txt"
            text = tar.read(words).decode("utf-8-sig", "replace") if words in tar else ""
            for line in text.splitlines() or [""]:
                yield Row(name, line, partial(tar.read, name))
    for name in tar.members:
        if name.endswith(".txt") and name.removesuffix(".txt") not in stems:
            skips.append(Skip(shard / name, SkipCode.UNREADABLE, "a caption without a picture"))
