"""The stored embeddings inside a FAISS index, read without a copy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipsearch.indexes.engine import loaded_faiss
from clipsearch.indexes.protocol import Scores
from clipsearch.indexes.ranking import Rows
from clipsearch.values import Embeddings

_ROWS_AT_ONCE = 4096


@dataclass(frozen=True, slots=True, eq=False)
class StoredEmbeddings:
    """A read-only view [n, d], fp16 or fp32, of what a flat FAISS index holds.

    The view lives as long as `owner`, whose memory (or memory map) it shows.
    """

    view: NDArray[np.float16 | np.float32]
    owner: Any

    def decoded(self, rows: Rows | slice) -> Embeddings:
        """Return those rows as float32 [len(rows), d]."""
        return self.view[rows].astype(np.float32)

    def scores(self, queries: Embeddings, rows: Rows) -> Scores:
        """Return the inner product of each query with each row, float32 [m, len(rows)].

        It is one dot product a pair, so equal embeddings score equally wherever they stand;
        FAISS's own sums may differ in the last place from one row to the next.
        """
        scores = np.empty((len(queries), len(rows)), np.float32)
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            block = slice(start, start + _ROWS_AT_ONCE)
            embeddings = self.decoded(rows[block])
            for query, row in zip(queries, scores, strict=True):
                row[block] = np.vecdot(embeddings, query)
        return scores


def stored_in(flat: Any) -> StoredEmbeddings:
    """Return the embeddings of a flat FAISS index (`IndexFlat` or an fp16 scalar quantiser)."""
    faiss = loaded_faiss()

    dtype: type[np.float16 | np.float32]
    dtype = np.float32 if isinstance(flat, faiss.IndexFlat) else np.float16
    if flat.ntotal == 0:
        return StoredEmbeddings(np.empty((0, flat.d), dtype), flat)
    codes = faiss.rev_swig_ptr(flat.codes.data(), flat.codes.size())
    view = codes.view(dtype).reshape(flat.ntotal, flat.d)
    view.flags.writeable = False
    return StoredEmbeddings(view, flat)
