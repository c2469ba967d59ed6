"""Folders of embeddings as another program writes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = Sequence[dict[str, Any]]


def write_part(
    folder: Path, number: int, embeddings: NDArray[Any], rows: Rows, texts: Any = None
) -> None:
    """Write one part in clip-retrieval's layout."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for name in ("img_emb", "metadata", "text_emb"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    np.save(folder / f"img_emb/img_emb_{number}.npy", embeddings)
    if texts is not None:
        np.save(folder / f"text_emb/text_emb_{number}.npy", texts)
    pq.write_table(pa.Table.from_pylist(rows), folder / f"metadata/metadata_{number}.parquet")


def units(count: int, dim: int = 8, dtype: str = "float16") -> NDArray[Any]:
    """Different embeddings of unit length, as far as the type can say it."""
    rows = np.random.default_rng(7).normal(size=(count, dim))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype)
