"""What an exported image tower sees place by place, and its embedding, many pictures at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipsearch.errors import TowerUnsafe
from clipsearch.towers.folder import IMAGE, TowerFolder, weights_digest
from clipsearch.towers.image_models import check_shape, normalised
from clipsearch.towers.onnx_cutting import Cut, cut_before_pooling
from clipsearch.towers.pair import of_unit_length
from clipsearch.towers.runtime import import_onnxruntime, session_options
from clipsearch.values import Embeddings, Pixels

BATCH = 8


@dataclass(frozen=True, slots=True)
class Sights:
    """What a tower saw in n pictures.

    `places` is float32 [n, rows * columns, channels], row by row: the activations that the tower
    averages. `embeddings` is float32 [n, dim], of unit length. `units` is float32 [n, units], the
    first layer of the tower's head before its activation, None where the head has but one.
    """

    places: NDArray[np.float32]
    embeddings: Embeddings
    units: NDArray[np.float32] | None = None


class GridTower:
    """An image tower cut before its average. It opens at its first use; no torch is needed."""

    def __init__(self, folder: TowerFolder, threads: int) -> None:
        """Name the folder and the number of threads; nothing is opened yet."""
        self.preprocessing = folder.preprocessing
        self.digest = image_digest(folder)
        self.name = folder.name
        self._folder = folder
        self._threads = threads

    def see(self, pixels: Pixels) -> Sights:
        """Look at pictures, uint8 [n, h, w, 3] of its input size. Raises TowerUnsafe."""
        check_shape(pixels, self.preprocessing)
        cut, session = self._opened
        wanted = [cut.regions, "embedding", *([cut.units] if cut.units else [])]
        places, embeddings, units = [], [], []
        for start in range(0, len(pixels), BATCH):
            given = normalised(pixels[start : start + BATCH], self.preprocessing)
            regions, raw, *layer = session.run(wanted, {"pixels": given})
            units += layer
            places.append(regions.reshape(*regions.shape[:2], -1).transpose(0, 2, 1))
            embeddings.append(of_unit_length(raw))
        return Sights(
            np.ascontiguousarray(np.concatenate(places)),
            np.concatenate(embeddings),
            np.concatenate(units) if units else None,
        )

    @cached_property
    def _opened(self) -> tuple[Cut, Any]:
        path = self._folder.path / IMAGE
        cut = cut_before_pooling(path.read_bytes())
        if cut is None:
            raise TowerUnsafe(path, "it has no average over places to be cut at")
        options = session_options(self._threads)
        session = import_onnxruntime().InferenceSession(
            cut.whole, options, providers=["CPUExecutionProvider"]
        )
        return cut, session


def image_digest(folder: TowerFolder) -> str:
    """sha256 (hex) over the image tower and its preprocessing, whatever text tower is beside it."""
    return weights_digest({IMAGE: folder.files[IMAGE]}, folder.preprocessing)
