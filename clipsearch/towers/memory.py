"""What was found out about a tower on this machine, for every collection that uses it.

Two things cost the more the larger the tower: its embeddings of the everyday texts that
queries are held against, and whether a lower precision finds what fp32 finds. Neither is asked
again for a second collection. They are kept under the home by tower, precision, runtimes and
CPU. All of it can be found out anew: what is damaged or cannot be written costs time alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from clipsearch.durable import write_durably
from clipsearch.settings import tower_cache
from clipsearch.towers.claimed import is_claimed
from clipsearch.towers.pair import TowerPair, usable
from clipsearch.towers.ready import cpu
from clipsearch.values import Embeddings, TowerIdentity

_HELD = "precision-held"

EmbedTexts = Callable[[Sequence[str]], Embeddings]
"""From texts to embeddings float32 [n, dim]."""


class TowerMemory:
    """What is kept about the towers `identity` under the home."""

    def __init__(self, home: Path, identity: TowerIdentity) -> None:
        """Name the folder; nothing is read or written yet."""
        tower = (identity.name, str(identity.dim), identity.digest, identity.precision)
        made_of = (*tower, _version("onnxruntime"), _version("openvino"), cpu())
        key = hashlib.sha256("\0".join(made_of).encode()).hexdigest()
        self.folder = tower_cache(home) / "memory" / key[:32]
        self._dim = identity.dim

    @property
    def precision_held(self) -> bool:
        """Whether the precision was held against fp32 and found the same pictures."""
        return (self.folder / _HELD).is_file()

    def note_precision_held(self, pictures: int) -> None:
        """Note that the precision held on so many pictures."""
        self._write(_HELD, f"{pictures}\n".encode())

    def remembering(self, embed: EmbedTexts) -> EmbedTexts:
        """`embed`, asked once for the same texts."""

        def embed_once(texts: Sequence[str]) -> Embeddings:
            digest = hashlib.sha256("\n".join(texts).encode()).hexdigest()
            name = f"texts-{digest[:32]}.f32"
            rows = self._read(name, len(texts))
            if rows is None:
                rows = embed(texts)
                self._write(name, np.ascontiguousarray(rows, "<f4").tobytes())
            return rows

        return embed_once

    def _read(self, name: str, count: int) -> Embeddings | None:
        """The rows of a file, unless it is damaged."""
        try:
            content = (self.folder / name).read_bytes()
        except OSError:
            return None
        if len(content) != 4 * count * self._dim:
            return None
        rows = np.frombuffer(content, "<f4").reshape(count, self._dim)
        return np.asarray(rows, np.float32) if usable(rows).all() else None

    def _write(self, name: str, content: bytes) -> None:
        with suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            write_durably(self.folder / name, content)


def embedding_once(tower: TowerPair, home: Path) -> EmbedTexts:
    """The tower's `embed_texts`, asked once on this machine for the same texts.

    A tower that is known by what an import claims has no digest to be told by: it is asked.
    """
    if is_claimed(tower.identity):
        return tower.embed_texts
    return TowerMemory(home, tower.identity).remembering(tower.embed_texts)


def _version(package: str) -> str:
    from importlib.metadata import PackageNotFoundError, version  # a query has no use for it

    try:
        return version(package)
    except PackageNotFoundError:
        return ""
