"""A flat index on a GPU, where faiss-gpu is installed and sees one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any

from clipsearch.indexes.engine import loaded_faiss
from clipsearch.indexes.protocol import Scores
from clipsearch.indexes.ranking import Rows
from clipsearch.indexes.searching import FaissIndex
from clipsearch.values import Embeddings

_MOST_ON_GPU = 1024
"""FAISS's GPU indexes give so many neighbours at least in every version."""


def on_gpu(index: FaissIndex) -> FaissIndex:
    """Return the index with its unfiltered search on the first GPU, or itself without one.

    A program that stays gains; a single query pays for the copy and the start of CUDA.
    FAISS's GPU knows only `flat` in fp32; other recipes, and searches with large filters, stay
    on the CPU, and answers are the same. No GPU was at hand to measure it.
    """
    faiss = loaded_faiss()

    count = getattr(faiss, "get_num_gpus", lambda: 0)()
    if count == 0 or index.recipe.kind != "flat" or index.recipe.storage != "fp32":
        return index
    resources = faiss.StandardGpuResources()
    copy = faiss.index_cpu_to_gpu(resources, 0, index.stored.owner)
    return replace(index, wide=_OnGpu(copy, index.stored.owner, resources))


@dataclass(frozen=True, slots=True, eq=False)
class _OnGpu:
    """The copy on the GPU; one search at a time, since its resources are not thread-safe."""

    copy: Any
    original: Any
    resources: Any
    lock: Lock = field(default_factory=Lock)

    def search(self, queries: Embeddings, count: int) -> tuple[Scores, Rows]:
        if count > _MOST_ON_GPU:
            found: tuple[Scores, Rows] = self.original.search(queries, count)
            return found
        with self.lock:
            found = self.copy.search(queries, count)
        return found
