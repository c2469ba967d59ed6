"""From chunks of embeddings to a FAISS index in memory."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from clipsearch.indexes.engine import loaded_faiss
from clipsearch.indexes.recipes import Recipe, Storage, fitting
from clipsearch.indexes.searching import FaissIndex
from clipsearch.indexes.stored import StoredEmbeddings, stored_in
from clipsearch.indexes.threads import threads_for
from clipsearch.values import Embeddings, Ids

_ROWS_AT_ONCE = 65_536
_DIMS_A_CODE = 4


def built(recipe: Recipe, content: Iterable[tuple[Ids, Embeddings]]) -> FaissIndex:
    """Return the index of `content`: chunks of int64 ids [n] and float32 embeddings [n, d].

    Ids must ascend, within a chunk and from chunk to chunk; embeddings must be finite; there
    must be a chunk, if an empty one, to tell d. Only the stored form is held, so fp16 takes
    half of what the chunks take together. Raises ValueError for content that is not so.
    """
    flat, ids = _stored(recipe.storage, content)
    fit = fitting(recipe, len(ids), flat.d)
    stored = stored_in(flat)
    return FaissIndex(fit, ids, stored, _with_codes(fit, stored) if fit.kind == "pq" else flat)


def _stored(storage: Storage, content: Iterable[tuple[Ids, Embeddings]]) -> tuple[Any, Ids]:
    flat = None
    parts = [np.empty(0, np.int64)]
    for ids, embeddings in content:
        flat = _empty_flat(storage, embeddings.shape[-1]) if flat is None else flat
        if len(ids):
            _check(ids, embeddings, flat.d, parts[-1][-1:])
            flat.add(np.ascontiguousarray(embeddings, np.float32))
            parts.append(np.array(ids, np.int64))
    if flat is None:
        raise ValueError("content without a chunk has no width")
    return flat, np.concatenate(parts)


def _empty_flat(storage: Storage, dim: int) -> Any:
    faiss = loaded_faiss()

    if storage == "fp32":
        return faiss.IndexFlatIP(dim)
    flat = faiss.IndexScalarQuantizer(
        dim, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
    )
    flat.is_trained = True  # fp16 has nothing to learn
    return flat


def _check(ids: Ids, embeddings: Embeddings, dim: int, last: Ids) -> None:
    if embeddings.shape != (len(ids), dim):
        raise ValueError(f"{len(ids)} ids with embeddings {embeddings.shape}, width {dim}")
    if not np.isfinite(embeddings).all():
        raise ValueError("embeddings must be finite")
    ascending = np.concatenate([last, ids])
    if not (ascending[1:] > ascending[:-1]).all():
        raise ValueError("ids must ascend, each once")


def _with_codes(recipe: Recipe, stored: StoredEmbeddings) -> Any:
    """Return the stored embeddings behind trained 4-bit codes (`PQ{d/4}x4fs,Refine(...)`)."""
    faiss = loaded_faiss()

    count, dim = stored.view.shape
    codes = faiss.IndexPQFastScan(dim, dim // _DIMS_A_CODE, 4, faiss.METRIC_INNER_PRODUCT)
    codes.pq.cp.seed = recipe.seed
    codes.pq.cp.min_points_per_centroid = 1
    codes.pq.cp.max_points_per_centroid = recipe.training_rows  # the sample is ours
    # From the stored form, since the chunks are gone: fp16 changes no code book that matters.
    with threads_for(1):  # thousands of tiny k-means steps: more threads only wait, up to 20 times
        codes.train(stored.decoded(_sample(recipe, count)))
    for start in range(0, count, _ROWS_AT_ONCE):
        codes.add(stored.decoded(slice(start, start + _ROWS_AT_ONCE)))
    return faiss.IndexRefine(codes, stored.owner)


def _sample(recipe: Recipe, count: int) -> Ids:
    if count <= recipe.training_rows:
        return np.arange(count)
    drawn = np.random.default_rng(recipe.seed).choice(count, recipe.training_rows, replace=False)
    return np.sort(drawn)
