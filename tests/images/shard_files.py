"""Tars as webdataset and img2dataset write them, and as nobody should."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path


def write_tar(path: Path, files: Mapping[str, bytes], odd: Sequence[tarfile.TarInfo] = ()) -> Path:
    """Write a tar of plain files, with odd entries behind them."""
    with tarfile.open(path, "w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
        for entry in odd:
            tar.addfile(entry, io.BytesIO(bytes(entry.size)))
    return path


def odd_entry(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    """An entry that leads somewhere else."""
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, link
    return entry
