"""Reads a file that may be anything: a pipe, a link, or changing while it is read."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from clipsearch.refused import Refused
from clipsearch.shards import in_shard, read_member
from clipsearch.values import FoundFile, Skip, SkipCode

_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_NO_LINKS = getattr(os, "O_NOFOLLOW", 0)
_NO_LONGER_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


def read_or_skip(file: FoundFile, max_bytes: int) -> bytes | Skip:
    """The bytes of a file that need not be a picture, or why they cannot be had."""
    try:
        return read_found(file, max_bytes)
    except Refused as refused:
        return Skip(file.path, refused.code, refused.reason)


def read_found(file: FoundFile, max_bytes: int) -> bytes:
    """The bytes of a file just as the scan saw it; links are not followed, tars are read into.

    Raises Refused: changed if size or time differ before or after reading, unreadable,
    name_too_long, or too_large beyond `max_bytes`.
    """
    try:
        if place := in_shard(file.path):
            return read_member(*place, file, max_bytes)
        _hold_as_found(file.path.lstat(), file)
        descriptor = os.open(file.path, _FLAGS | _NO_LINKS)
        try:
            _hold_as_found(os.fstat(descriptor), file)
            data = _read(descriptor, file.size, max_bytes)
            _hold_as_found(os.fstat(descriptor), file)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno in _NO_LONGER_THERE:
            raise Refused(SkipCode.CHANGED, "it was removed or became a link") from error
        raise _refusal(error) from error
    if len(data) != file.size:
        raise Refused(SkipCode.CHANGED, "its size changed while it was read")
    return data


def read_named(path: Path, max_bytes: int) -> bytes:
    """The bytes of a file that the user named; links are followed, tars are read into.

    Raises Refused: unreadable, not_a_file, name_too_long, or too_large beyond `max_bytes`.
    """
    try:
        if place := in_shard(path):
            return read_member(*place, None, max_bytes)
        _hold_regular(path.stat())
        descriptor = os.open(path, _FLAGS)
        try:
            status = os.fstat(descriptor)
            _hold_regular(status)
            return _read(descriptor, status.st_size, max_bytes)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _refusal(error) from error
    except ValueError as error:
        raise Refused(SkipCode.UNREADABLE, "its name holds a NUL") from error


def _read(descriptor: int, size: int, max_bytes: int) -> bytes:
    if size > max_bytes:
        raise Refused(SkipCode.TOO_LARGE, f"{size:,} bytes; the limit is {max_bytes:,}")
    with open(descriptor, "rb", buffering=0, closefd=False) as stream:
        return stream.readall()


def _hold_regular(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise Refused(SkipCode.NOT_A_FILE, "it is no regular file")


def _hold_as_found(status: os.stat_result, file: FoundFile) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise Refused(SkipCode.CHANGED, "it is no regular file any more")
    if (status.st_size, status.st_mtime_ns) != (file.size, file.mtime_ns):
        raise Refused(SkipCode.CHANGED, "it changed after it was found")


def _refusal(error: OSError) -> Refused:
    if error.errno == errno.ENAMETOOLONG:
        return Refused(SkipCode.NAME_TOO_LONG, "the path is longer than the system can open")
    return Refused(SkipCode.UNREADABLE, (error.strerror or type(error).__name__).lower())
