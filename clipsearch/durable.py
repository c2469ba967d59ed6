"""Written to the disk, or not written at all: never half.

The order is that of every careful program (temporary file beside the target, fsync, rename,
fsync of the folder). It holds against kill -9 at any point; against power loss it holds as
far as the disk honours fsync.
"""

from __future__ import annotations

import errno
import glob
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from clipsearch.errors import HomeUnwritable, StorageFull

TEMPORARY = ".clipsearch-tmp"
_FULL = {errno.ENOSPC, errno.EDQUOT}
_UNWRITABLE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST}


@contextmanager
def durable_file(target: Path) -> Iterator[BinaryIO]:
    """Yield a file that becomes `target` when the block ends well, and nothing otherwise."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}{TEMPORARY}")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
        sync_folder(target.parent)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename == str(temporary):
            error.filename = str(target)  # the name that whoever asked knows
        raise


@contextmanager
def named_full_disk(path: Path) -> Iterator[None]:
    """Turn what the system says of a disk without space into our error."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StorageFull(path) from error
        raise


@contextmanager
def named_disk_errors(path: Path) -> Iterator[None]:
    """Turn what the system says of a home that cannot be written into one of our errors."""
    try:
        with named_full_disk(path):
            yield
    except OSError as error:
        if error.errno in _UNWRITABLE:
            raise HomeUnwritable(path, error.strerror or str(error)) from error
        raise


def write_durably(target: Path, content: bytes) -> None:
    """Replace `target` by `content`, whole or not at all."""
    with durable_file(target) as file:
        file.write(content)


@contextmanager
def durable_folder(target: Path) -> Iterator[Path]:
    """Yield a folder that becomes `target` when the block ends well, and nothing otherwise.

    The caller syncs what it writes inside (`sync_file`); `target` must not exist.
    """
    temporary = target.with_name(f".{target.name}.{os.getpid()}{TEMPORARY}")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        sync_folder(temporary)
        temporary.replace(target)
        sync_folder(target.parent)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def sweep_dead(target: Path) -> None:
    """Remove what killed processes left of a `durable_folder` of that name, and only that."""
    for leftover in target.parent.glob(f".{glob.escape(target.name)}.*{TEMPORARY}"):
        pid = leftover.name.removesuffix(TEMPORARY).rpartition(".")[2]
        if pid.isdecimal() and not _alive(int(pid)):
            shutil.rmtree(leftover, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def sync_file(path: Path) -> None:
    """Bring a closed file's content to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_folder(path: Path) -> None:
    """Bring a folder's names to the disk (a no-op where folders cannot be opened)."""
    if os.name == "posix":
        sync_file(path)


def sweep(folder: Path) -> None:
    """Remove what a killed writer left; call it only while holding the folder's lock."""
    # SQLite keeps a journal beside a database in the making, so the name may go on
    for leftover in folder.glob(f".*{TEMPORARY}*"):
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)
