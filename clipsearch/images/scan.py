"""Finds the files under a folder whose names promise an image."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import translate
from pathlib import Path, PurePosixPath

from clipsearch import shards
from clipsearch.images.sidecars import SIDECARS, possible_sidecars, sidecar_owners, split_name
from clipsearch.refused import Refused
from clipsearch.values import FoundFile, FoundSidecar, Skip, SkipCode

EXTENSIONS = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jfif"),
        *(".png", ".apng", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".dib"),
        *(".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx"),
        *(".heic", ".heif", ".hif", ".heics", ".avif"),
    }
)

# Cameras' own files, which are counted: nobody should believe that they were taken in.
RAW = frozenset(
    {
        *(".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".iiq", ".kdc", ".mef"),
        *(".mos", ".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2"),
        *(".srf", ".srw", ".x3f"),
    }
)

# Folders that hold copies, thumbnails or what was thrown away, never a user's pictures.
_IGNORED_FOLDERS = frozenset(
    {
        "@eaDir",
        "node_modules",
        ".git",
        "System Volume Information",
        "$RECYCLE.BIN",
        "__MACOSX",
        "lost+found",
    }
)

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISCHR, "a device"),
)


@dataclass(frozen=True, slots=True)
class ScanRules:
    """What a scan leaves out.

    `exclude` are shell patterns held against the name and the path relative to the root, of
    files and folders alike. `hidden` takes in names that begin with a dot.
    """

    exclude: Sequence[str] = ()
    hidden: bool = False


class Scan:
    """The image files under a root, in the order of their names, found while iterating.

    A root that is a file is itself what is found, whatever its extension; of a tar what is
    inside, and of tars below the root those that are named as img2dataset's. Links below the
    root are not followed. Memory grows with the largest single folder, not with the tree.
    """

    def __init__(self, root: Path, rules: ScanRules) -> None:
        self._root = root
        self._hidden = rules.hidden
        patterns = [translate(pattern.rstrip("/")) for pattern in rules.exclude]
        self._excluded = re.compile("|".join(patterns)) if patterns else None
        self.symlinks = 0
        """Links seen and not followed."""
        self.raws = 0
        """Cameras' raw files seen and not read."""
        self.unlistable: list[Path] = []
        """Folders that could not be listed: what lies beneath them is unknown, not gone."""
        self.mounts: list[Path] = []
        """Folders on another device than their parent: empty may mean unmounted."""

    def __iter__(self) -> Iterator[FoundFile | FoundSidecar | Skip]:
        """Walk the tree: each file as FoundFile, what is no file or cannot be asked as Skip.

        The sidecars of a folder follow its pictures.
        """
        self.symlinks, self.raws, self.unlistable, self.mounts = 0, 0, [], []
        try:
            status = self._root.stat()
        except OSError:
            self.unlistable.append(self._root)
            return
        if stat.S_ISDIR(status.st_mode):
            yield from self._walk(status.st_dev)
        elif self._root.suffix.lower() == shards.ENDING:
            yield from self._members(self._root.resolve(), "")
        else:
            image = self._root.resolve()
            yield _examine(image)
            beside = {path.name: [image.name] for path in possible_sidecars(image)}
            yield from _sidecars(image.parent, beside)

    def _walk(self, device: int) -> Iterator[FoundFile | FoundSidecar | Skip]:
        pending = [(self._root, device)]
        while pending:
            folder, device = pending.pop()
            files, folders, sidecars = self._list(folder)
            for name in files:
                if shards.is_shard_name(name):
                    yield from self._members(folder / name, f"{self._prefix(folder)}{name}/")
                else:
                    yield _examine(folder / name)
            images = [name for name in files if not shards.is_shard_name(name)]
            yield from _sidecars(folder, sidecar_owners(sidecars, images))
            inner: list[tuple[Path, int]] = []
            for name in folders:
                entered = self._enter(folder / name, device)
                if isinstance(entered, Skip):
                    yield entered
                elif entered is not None:
                    inner.append((folder / name, entered))
            pending.extend(reversed(inner))

    def _list(self, folder: Path) -> tuple[list[str], list[str], list[str]]:
        """Names of images and shards, and of folders to look at, each sorted, and of sidecars."""
        files: list[str] = []
        folders: list[str] = []
        sidecars: list[str] = []
        prefix = self._prefix(folder)
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if self._left_out(entry.name, prefix):
                        continue
                    if entry.is_symlink():
                        self.symlinks += 1
                    elif entry.is_dir(follow_symlinks=False):
                        if entry.name not in _IGNORED_FOLDERS:
                            folders.append(entry.name)
                    elif (ending := split_name(entry.name)[1]) in EXTENSIONS:
                        files.append(entry.name)
                    elif ending in SIDECARS:
                        sidecars.append(entry.name)
                    elif shards.is_shard_name(entry.name):
                        files.append(entry.name)
                    elif ending in RAW:
                        self.raws += 1
        except OSError:
            self.unlistable.append(folder)
        return sorted(files), sorted(folders), sidecars

    def _prefix(self, folder: Path) -> str:
        """What stands before the names of a folder, relative to the root."""
        return "" if folder == self._root else f"{folder.relative_to(self._root)}/"

    def _members(self, tar: Path, prefix: str) -> Iterator[FoundFile | FoundSidecar | Skip]:
        """What is inside a tar; of one that is not whole, what stands before its end."""
        found = _examine(tar)
        if isinstance(found, Skip):
            yield found
            return
        try:
            shard = shards.open_shard(found)
        except OSError as error:
            self.unlistable.append(tar)
            yield Skip(tar, SkipCode.UNREADABLE, _words(error))
            return
        except Refused as refused:
            yield Skip(tar, refused.code, refused.reason)
            return
        yield from (skip for skip in shard.skips if _promises_image(skip.path.name))
        names = [name for name in shard.members if not self._member_left_out(name, prefix)]
        images = [name for name in names if _promises_image(name)]
        yield from map(shard.found, images)
        for name, own in sidecar_owners(names, images).items():
            yield FoundSidecar(shard.found(name), tuple(tar / image for image in own))
        if not shard.whole:
            self.unlistable.append(tar)
            reason = f"the tar breaks off; {len(shard.members)} of its files are whole"
            yield Skip(tar, SkipCode.TRUNCATED, reason)

    def _member_left_out(self, name: str, prefix: str) -> bool:
        folders = PurePosixPath(name).parts
        above = (
            prefix + "".join(f"{one}/" for one in folders[:depth])
            for depth, _ in enumerate(folders)
        )
        return any(map(self._left_out, folders, above))

    def _left_out(self, name: str, prefix: str) -> bool:
        if name.startswith(".") and not self._hidden:
            return True
        excluded = self._excluded
        if excluded is None:
            return False
        return bool(excluded.match(name) or excluded.match(prefix + name))

    def _enter(self, folder: Path, parent_device: int) -> int | Skip | None:
        """The device of a folder to walk; None if it cannot be asked."""
        try:
            device = folder.lstat().st_dev
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                return _too_long(folder)
            self.unlistable.append(folder)
            return None
        if device != parent_device:
            self.mounts.append(folder)
        return device


def _sidecars(folder: Path, owners: Mapping[str, Sequence[str]]) -> Iterator[FoundSidecar]:
    """The sidecars that are regular files; what else bears such a name speaks of nothing."""
    for name, images in owners.items():
        found = _examine(folder / name)
        if isinstance(found, FoundFile):
            yield FoundSidecar(found, tuple(folder / image for image in images))


def _promises_image(name: str) -> bool:
    return split_name(name)[1] in EXTENSIONS


def _examine(path: Path) -> FoundFile | Skip:
    """Ask the system what a path is, without opening it."""
    try:
        status = path.lstat()
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return _too_long(path)
        gone = error.errno == errno.ENOENT
        code = SkipCode.CHANGED if gone else SkipCode.UNREADABLE
        return Skip(path, code, "removed during the scan" if gone else _words(error))
    if stat.S_ISREG(status.st_mode):
        return FoundFile(path, status.st_size, status.st_mtime_ns)
    kind = next((words for test, words in _KINDS if test(status.st_mode)), "no regular file")
    return Skip(path, SkipCode.NOT_A_FILE, f"it is {kind}, and was not opened")


def _too_long(path: Path) -> Skip:
    return Skip(path, SkipCode.NAME_TOO_LONG, "the path is longer than the system can open")


def _words(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()
