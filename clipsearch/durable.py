"""Written to the disk, or not written at all: never half.

The order is that of every careful program (temporary file beside the target, fsync, rename,
fsync of the folder). It holds against kill -9 at any point; against power loss it holds as
far as the disk honours fsync.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

TEMPORARY = ".clipsearch-tmp"


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
    except BaseException:
        temporary.unlink(missing_ok=True)
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
    for leftover in folder.glob(f".*{TEMPORARY}"):
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)
