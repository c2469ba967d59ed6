"""Between the catalogue's rows and the values of the house."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from clipsearch.values import Caption, Embeddings, ImageInfo, Skip, SkipCode


def path_bytes(path: Path) -> bytes:
    """A path as the file system spells it, whatever its encoding."""
    return os.fsencode(path)


def path_from(raw: bytes) -> Path:
    """The path that `path_bytes` was given."""
    return Path(os.fsdecode(raw))


def bounds(place: Path) -> tuple[bytes, bytes, bytes]:
    """The place itself, and the two names between which all names beneath it sort."""
    exact = path_bytes(place)
    beneath = exact.rstrip(b"/") + b"/"
    return exact, beneath, beneath[:-1] + b"0"


def image_row(info: ImageInfo, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """An image's row, without its id."""
    return {
        "fingerprint": info.fingerprint,
        "format": info.format,
        "width": info.width,
        "height": info.height,
        "bytes": info.bytes,
        "taken": info.taken.isoformat() if info.taken else None,
        "camera": info.camera,
        "latitude": info.latitude,
        "longitude": info.longitude,
        "notes": json.dumps(info.notes),
        "metadata": json.dumps(dict(metadata), ensure_ascii=False),
    }


def image_info(row: Any) -> ImageInfo:
    """What an image's row says of its bytes."""
    return ImageInfo(
        fingerprint=row.fingerprint,
        format=row.format,
        width=row.width,
        height=row.height,
        bytes=row.bytes,
        taken=datetime.fromisoformat(row.taken) if row.taken else None,
        camera=row.camera,
        latitude=row.latitude,
        longitude=row.longitude,
        notes=tuple(json.loads(row.notes)),
    )


def skip_from(row: Any) -> Skip:
    """A skip as it was recorded."""
    return Skip(path_from(row.path), SkipCode(row.code), row.reason)


def storable(caption: Caption) -> Caption:
    """A caption as SQLite can hold it: a lone surrogate, which is no character, becomes "?"."""
    whole = caption.text.encode("utf-8", "replace").decode()
    return caption if whole == caption.text else replace(caption, text=whole)


def embedding_bytes(embedding: Embeddings) -> bytes:
    """One embedding [d] as the catalogue keeps it: little-endian float32."""
    return np.ascontiguousarray(embedding, dtype="<f4").tobytes()


def embeddings_from(blobs: list[bytes], dim: int) -> Embeddings:
    """The embeddings of rows, float32 [n, dim].

    Raises SQLite's own error, which the catalogue names, for one of another length.
    """
    if any(len(blob) != 4 * dim for blob in blobs):
        raise sqlite3.DatabaseError(f"an embedding is not {4 * dim} bytes long")
    flat = np.frombuffer(b"".join(blobs), dtype="<f4")
    return flat.reshape(len(blobs), dim).astype(np.float32, copy=False)


def embeddings_as_they_stand(blobs: list[bytes], dim: int) -> Embeddings:
    """The embeddings of rows, float32 [n, dim]; one of another length is NaN throughout."""
    nothing = np.full(dim, np.nan, "<f4").tobytes()
    return embeddings_from([blob if len(blob) == 4 * dim else nothing for blob in blobs], dim)
