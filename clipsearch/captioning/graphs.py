"""The captioner's two ONNX graphs: one looks at pictures once, one says the next word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipsearch.captioning.folder import LOOK, STEP, CaptionerFolder
from clipsearch.towers.grid import Sights
from clipsearch.towers.runtime import open_session

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Seen:
    """Keys and values of n pictures, float32 [layers, n, heads, places, width]."""

    keys: Floats
    values: Floats

    def of(self, pictures: Ints) -> Seen:
        """Those of some pictures, by their places."""
        return Seen(self.keys[:, pictures], self.values[:, pictures])

    @property
    def blind(self) -> Seen:
        """As many pictures of which nothing is seen: the words alone are left to go by."""
        return Seen(np.zeros_like(self.keys), np.zeros_like(self.values))


def joined(parts: Sequence[Seen]) -> Seen:
    """The pictures of all parts, one after the other."""
    return Seen(
        np.concatenate([each.keys for each in parts], axis=1),
        np.concatenate([each.values for each in parts], axis=1),
    )


@dataclass(frozen=True, slots=True)
class Said:
    """Keys and values of the words so far, float32 [layers, captions, heads, steps, width]."""

    keys: Floats
    values: Floats

    def of(self, captions: Ints) -> Said:
        """Those of some captions, by their places; a caption may be taken several times."""
        return Said(self.keys[:, captions], self.values[:, captions])


class Graphs:
    """A captioner's graphs in ONNX Runtime."""

    def __init__(self, folder: CaptionerFolder, threads: int) -> None:
        """Open both graphs."""
        self._look = open_session(folder.path / LOOK, threads)
        self._step = open_session(folder.path / STEP, threads)

    def look(self, sights: Sights) -> Seen:
        """Project what the tower saw in pictures, once for the whole caption."""
        given = {"embeddings": sights.embeddings, "places": sights.places}
        return Seen(*self._look.run(["seen_keys", "seen_values"], given))

    def begin(self, seen: Seen, captions: int) -> Said:
        """Captions without a word."""
        layers, _, heads, _, width = seen.keys.shape
        empty = np.zeros((layers, captions, heads, 0, width), np.float32)
        return Said(empty, empty)

    def step(self, tokens: Ints, said: Said, seen: Seen) -> tuple[Floats, Said]:
        """Log-probabilities float32 [n, k, vocabulary] after one more token [n, k] each.

        Every one of the n pictures has k captions; they stand picture by picture in `said`.
        """
        given: dict[str, Any] = {
            "tokens": tokens,
            "keys": said.keys,
            "values": said.values,
            "seen_keys": seen.keys,
            "seen_values": seen.values,
        }
        logs, keys, values = self._step.run(["logs", "new_keys", "new_values"], given)
        return logs, Said(keys, values)
