"""How far each kind of index agrees with exact search on a set's own embeddings."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from clipsearch.indexes import Recipe, agreement_at_k, publish, scan
from clipsearch.towers import usable
from clipsearch.values import Embeddings

K, MOST_QUERIES = 10, 500
RECIPES = {"flat": Recipe("flat"), "pq": Recipe("pq", candidates=100)}


def agreement(images: Embeddings, captions: Embeddings) -> dict[str, float]:
    """Measure agreement@10 of the flat (fp16) and the pq index; captions [c, d] are asked."""
    rows = images[usable(images)]
    asked = captions[usable(captions)]
    asked = asked[:: max(1, len(asked) // MOST_QUERIES)]
    ids = np.arange(1, len(rows) + 1, dtype=np.int64)
    exact = scan(asked, rows, ids, K)
    found = {}
    for number, (name, recipe) in enumerate(RECIPES.items(), 1):
        with tempfile.TemporaryDirectory() as folder:
            made = publish(Path(folder), number, recipe, [(ids, rows)], {})
            answer = made.index.search(asked, K)
        found[f"{name}_agreement@{K}"] = agreement_at_k(answer, exact)
    return found
