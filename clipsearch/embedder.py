"""Embeds texts and pictures with a tower pair, without a collection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from clipsearch.errors import UnreadableQueryImage
from clipsearch.images import Picture, decode_picture
from clipsearch.settings import default_home
from clipsearch.towers import TowerOptions, TowerPair, check_readable, load_towers
from clipsearch.values import Embeddings, Pixels, Skip

BATCH = 32


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddedFiles:
    """The files that could be read, with their embeddings [n, dim], and those that could not."""

    paths: tuple[Path, ...]
    embeddings: Embeddings
    failed: tuple[Skip, ...]


class Embedder:
    """A tower pair for programs: pictures and texts in, unit-length embeddings out.

    >>> embedder = Embedder()
    >>> embedder.embed_texts(["a cat", "a rocket"]).shape[0]
    2
    """

    def __init__(
        self,
        model: str = "builtin",
        *,
        home: Path | None = None,
        options: TowerOptions | None = None,
        tower: TowerPair | None = None,
    ) -> None:
        """Name a model, or give a tower pair at hand; nothing is loaded yet."""
        self.model = model
        self._home = home or default_home()
        self._options = options or TowerOptions()
        self._given_tower = tower

    @cached_property
    def tower(self) -> TowerPair:
        """The tower pair, loaded at its first use."""
        return self._given_tower or load_towers(self.model, self._home, self._options)

    def embed_texts(self, texts: Sequence[str]) -> Embeddings:
        """Embed texts: float32 [n, dim], unit length. Raises UnreadableScript."""
        for text in texts:
            check_readable(text, self.tower)
        return self.tower.embed_texts(texts)

    def embed_images(self, pictures: Sequence[Picture]) -> Embeddings:
        """Embed pictures (paths, bytes, PIL images, arrays [h, w, 3]): float32 [n, dim].

        Raises UnreadableQueryImage for one that cannot be read.
        """
        if not pictures:
            return np.empty((0, self.tower.identity.dim), np.float32)
        preprocessing = self.tower.preprocessing
        pixels = [decode_picture(picture, preprocessing).pixels for picture in pictures]
        return self.tower.embed_images(np.stack(pixels))

    def embed_files(self, files: Sequence[Path]) -> EmbeddedFiles:
        """Embed the pictures in files, batch by batch; what cannot be read is left out."""
        paths: list[Path] = []
        failed: list[Skip] = []
        rows = [np.empty((0, self.tower.identity.dim), np.float32)]
        for start in range(0, len(files), BATCH):
            pixels: list[Pixels] = []
            for file in files[start : start + BATCH]:
                try:
                    pixels.append(decode_picture(file, self.tower.preprocessing).pixels)
                    paths.append(file)
                except UnreadableQueryImage as error:
                    failed.append(Skip(file, error.skip.code, error.skip.reason))
            if pixels:
                rows.append(self.tower.embed_images(np.stack(pixels)))
        return EmbeddedFiles(tuple(paths), np.concatenate(rows), tuple(failed))

    def similarity(self, pictures: Sequence[Picture], texts: Sequence[str]) -> Embeddings:
        """Cosines of every picture with every text: float32 [pictures, texts]."""
        return self.embed_images(pictures) @ self.embed_texts(texts).T

    def probabilities(self, similarity: Embeddings) -> Embeddings:
        """Softmax over the texts of a similarity matrix, at the tower's own temperature.

        float32 [pictures, texts], rows sum to 1 (Radford et al. 2021, zero-shot prediction).
        """
        logits = similarity * np.float32(self.tower.logit_scale)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares: Embeddings = powers / powers.sum(axis=1, keepdims=True)
        return shares
