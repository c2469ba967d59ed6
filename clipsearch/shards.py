"""Pictures inside a tar, as webdataset and img2dataset pack them, read where they lie.

A member's path is that of its tar with its name behind: `/data/00000.tar/000000017.jpg`. Its size
is its own, its time that of the tar. Nothing is ever unpacked; links, devices and names that lead
out of the tar are left out.
"""

from __future__ import annotations

import os
import re
import stat
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

from clipsearch.refused import Refused
from clipsearch.values import FoundFile, Skip, SkipCode

ENDING = ".tar"
MOST_MEMBERS = 1_000_000
LARGEST_MEMBER = 1 << 30
MOST_SKIPS = 1_000
"""How many members that are left out are named; a tar may consist of nothing else."""

# Whoever reads the members of a tar one by one comes back to it: its headers are read once.
KEPT_OPEN = 4

_BLOCK = 512
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
# In a folder only what img2dataset calls its shards is taken for one: any tar may be a backup.
_SHARD = re.compile(r"\d{5,}\.tar", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Member:
    """Where the bytes of a plain file lie in its tar."""

    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Shard:
    """The plain files of a tar by name, in its order; `skips` are the others, with the reason.

    `whole` says that the tar has the end that it should have: what stands before it is whole in
    any case.
    """

    file: FoundFile
    members: dict[str, Member]
    skips: tuple[Skip, ...]
    whole: bool

    def found(self, name: str) -> FoundFile:
        """A member as a file that was found."""
        return FoundFile(self.file.path / name, self.members[name].size, self.file.mtime_ns)


def is_shard_name(name: str) -> bool:
    """Whether a file met in a folder is taken for a shard: `00000.tar`."""
    return _SHARD.fullmatch(name) is not None


def in_shard(path: Path) -> tuple[Path, str] | None:
    """The tar that a path leads into and the member's name; None for a path of another kind."""
    if f"{ENDING}/" not in str(path).lower():
        return None
    for parent in path.parents:
        if parent.suffix.lower() == ENDING and parent.is_file():
            return parent, path.relative_to(parent).as_posix()
    return None


def as_found(path: Path) -> FoundFile | None:
    """A file, or a member of a tar, as a scan would find it now; None where there is none.

    Links are not followed, as below a root.
    """
    try:
        if place := in_shard(path):
            tar, name = place
            status = tar.stat()
            shard = open_shard(FoundFile(tar, status.st_size, status.st_mtime_ns))
            return shard.found(name) if name in shard.members else None
        status = path.lstat()
    except (OSError, ValueError, Refused):
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return FoundFile(path, status.st_size, status.st_mtime_ns)


def read_member(tar: Path, name: str, file: FoundFile | None, max_bytes: int) -> bytes:
    """The bytes of a member, just as the scan saw it where `file` says how that was.

    Raises OSError, and Refused: changed, unreadable, or too_large beyond `max_bytes`.
    """
    descriptor = os.open(tar, _FLAGS)
    try:
        status = os.fstat(descriptor)
        shard = open_shard(FoundFile(tar, status.st_size, status.st_mtime_ns))
        member = shard.members.get(name)
        if member is None or (file is not None and shard.found(name) != file):
            raise Refused(SkipCode.CHANGED, "the tar that holds it changed after it was found")
        if member.size > max_bytes:
            reason = f"{member.size:,} bytes; the limit is {max_bytes:,}"
            raise Refused(SkipCode.TOO_LARGE, reason)
        data = _read(descriptor, member)
        if os.fstat(descriptor).st_mtime_ns != status.st_mtime_ns:
            raise Refused(SkipCode.CHANGED, "the tar that holds it changed while it was read")
    finally:
        os.close(descriptor)
    return data


def member_bytes(tar: Path, name: str) -> bytes:
    """The bytes of a member of at most a GiB. Raises OSError."""
    try:
        return read_member(tar, name, None, LARGEST_MEMBER)
    except Refused as refused:
        raise OSError(refused.reason) from refused


@lru_cache(maxsize=KEPT_OPEN)
def open_shard(file: FoundFile) -> Shard:
    """Read the headers of a tar. Raises OSError, and Refused for what is none.

    A tar of more than a million members is refused: too_large.
    """
    descriptor = os.open(file.path, _FLAGS)
    with os.fdopen(descriptor, "rb") as stream:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise Refused(SkipCode.NOT_A_FILE, "it is no regular file")
        try:
            # "r:" is a plain tar: compressed ones cannot be read at any place
            with tarfile.open(fileobj=stream, mode="r:") as tar:
                return _listed(tar, file)
        except (tarfile.TarError, EOFError, ValueError, RecursionError, OverflowError) as error:
            raise Refused(SkipCode.NOT_AN_IMAGE, f"it is no tar ({error})") from error


def _listed(tar: tarfile.TarFile, file: FoundFile) -> Shard:
    members: dict[str, Member] = {}
    skips: list[Skip] = []
    for count, entry in enumerate(_entries(tar)):
        if count >= MOST_MEMBERS:
            raise Refused(SkipCode.TOO_LARGE, f"the tar has more than {MOST_MEMBERS:,} members")
        name = PurePosixPath(entry.name)
        if entry.isdir():
            continue
        if fault := _fault(entry, name):
            if len(skips) < MOST_SKIPS:
                skips.append(Skip(file.path / (name.name or "?"), SkipCode.NOT_A_FILE, fault))
        elif entry.offset_data + entry.size > file.size:
            reason = "the tar ends before it does"
            skips.append(Skip(file.path / name, SkipCode.TRUNCATED, reason))
        else:
            members.setdefault(str(name), Member(entry.offset_data, entry.size))
    return Shard(file, members, tuple(skips), _ends_well(tar))


def _entries(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """The entries up to the end, or to where the tar breaks off."""
    while True:
        try:
            entry = tar.next()
        except tarfile.TarError:
            return
        if entry is None:
            return
        # tarfile keeps every entry that it has seen
        tar.members = []  # type: ignore[attr-defined]
        yield entry


def _fault(entry: tarfile.TarInfo, name: PurePosixPath) -> str | None:
    """Why an entry is left out; None for a plain file inside the tar."""
    if name.is_absolute() or ".." in name.parts or "\0" in entry.name or not name.parts:
        return "a member that leads out of its tar"
    if not entry.isreg() or entry.issparse():
        return "a member that is a link, a device or sparse"
    return None


def _ends_well(tar: tarfile.TarFile) -> bool:
    """Whether the entries are followed by an empty block, as the end of a tar is."""
    assert tar.fileobj is not None
    tar.fileobj.seek(tar.offset)
    return tar.fileobj.read(_BLOCK) == bytes(_BLOCK)


def _read(descriptor: int, member: Member) -> bytes:
    parts, offset, left = [], member.offset, member.size
    while left:
        part = os.pread(descriptor, left, offset)
        if not part:
            raise Refused(SkipCode.CHANGED, "the tar that holds it became shorter")
        parts.append(part)
        offset, left = offset + len(part), left - len(part)
    return b"".join(parts)
