"""The everyday texts that a query is held against."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import numpy as np

from clipsearch.values import Embeddings

_FOLDER = Path(__file__).resolve().parent


@cache
def background_texts() -> tuple[str, ...]:
    """A few hundred everyday words and sentences, each once."""
    return tuple((_FOLDER / "texts.txt").read_text(encoding="utf-8").split("\n")[:-1])


@cache
def texts_digest() -> str:
    """sha256 (hex) over the texts: embeddings of other texts are of no use."""
    return hashlib.sha256("\n".join(background_texts()).encode()).hexdigest()


def shipped_embeddings(tower_digest: str) -> Embeddings | None:
    """The texts' embeddings float32 [b, dim], where they came with the package; else None."""
    try:
        rows = np.load(shipped_file(tower_digest), allow_pickle=False)
    except FileNotFoundError:
        return None
    return np.asarray(rows, np.float32)


def shipped_file(tower_digest: str) -> Path:
    """Where the embeddings by a tower lie; the name says of which texts they are."""
    return _FOLDER / f"texts-{tower_digest[:12]}-{texts_digest()[:12]}.npy"
