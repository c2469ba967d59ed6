"""Sentences without pictures, as if each had one: what the text tower makes of them.

Both towers embed into one space, so a decoder that is shown a sentence's embedding learns to say
what a picture's embedding means. Noise keeps it from reading the sentence off to the letter, and
the means of texts and pictures, which lie apart, are brought together (Nukrai et al., "Text-only
training for image captioning using noise-injected CLIP", 2022).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clipsearch.towers.folder import TEXT, TowerFolder
from clipsearch.towers.pair import of_unit_length
from clipsearch.towers.runtime import open_session
from clipsearch.towers.tokens import open_tokenizer, padded
from clipsearch.training.durable_files import written_durably

BATCH = 64
NOISE = 0.8
"""The length of the noise beside an embedding of length 1: a cosine of 0.78 stays."""


@dataclass(frozen=True, slots=True)
class Heard:
    """Embeddings of n sentences, float16 [n, dim], and the way to pictures' [dim]."""

    embeddings: NDArray[np.float16]
    shift: NDArray[np.float32]

    def as_seen(self, places: NDArray[np.int64], random: np.random.Generator) -> Tensor:
        """Embeddings as of pictures that these sentences might be of: [k, dim], unit length."""
        rows = self.embeddings[places].astype(np.float32) + self.shift
        noise = random.standard_normal(rows.shape, np.float32)
        noisy = rows + np.float32(NOISE / np.sqrt(rows.shape[1])) * noise
        return torch.from_numpy(of_unit_length(noisy))


def heard(
    folder: TowerFolder,
    sentences: Sequence[str],
    pictures: NDArray[np.floating],
    cache: Path,
    threads: int,
    listener: Callable[[int, int], None] = lambda done, of: None,
) -> Heard:
    """Embed sentences, or take them from `cache`; `pictures` [m, dim] say where pictures lie.

    Sentences of one length run together: their int8 scale differs a little from that of a text
    by itself. Raises HomeUnwritable, StorageFull.
    """
    named = hashlib.sha256("\n".join([folder.digest, *sentences]).encode()).hexdigest()
    path = cache / f"sentences-{named[:16]}.npy"
    if not path.exists():
        embedded = _embed(folder, sentences, threads, listener)
        cache.mkdir(parents=True, exist_ok=True)
        with written_durably(path) as unfinished, unfinished.open("wb") as file:
            np.save(file, embedded, allow_pickle=False)
    embeddings: NDArray[np.float16] = np.load(path)
    shift = pictures.mean(axis=0, dtype=np.float64) - embeddings.mean(axis=0, dtype=np.float64)
    return Heard(embeddings, shift.astype(np.float32))


def _embed(
    folder: TowerFolder,
    sentences: Sequence[str],
    threads: int,
    listener: Callable[[int, int], None],
) -> NDArray[np.float16]:
    session = open_session(folder.path / TEXT, threads)
    names = [entry.name for entry in session.get_inputs()]
    encoded = open_tokenizer(folder).encode(sentences)
    order = sorted(range(len(encoded)), key=lambda at: len(encoded[at]))
    rows = np.empty((len(encoded), folder.dim), np.float16)
    for start in range(0, len(order), BATCH):
        some = order[start : start + BATCH]
        ids, mask = padded([encoded[at] for at in some], folder.text)
        given = {"input_ids": ids, "attention_mask": mask}
        found = session.run(["embedding"], {name: given[name] for name in names})[0]
        rows[some] = of_unit_length(np.asarray(found))
        listener(start + len(some), len(order))
    return rows
