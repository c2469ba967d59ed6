"""Nearest neighbours over embeddings: numbers in, ids and scores out.

This package knows no images, no SQL and no towers, and loads FAISS only when an index is
made or opened.
"""

from __future__ import annotations

from clipsearch.indexes.agreement import agreement_at_k
from clipsearch.indexes.generations import (
    Generation,
    generations,
    open_generation,
    publish,
    retire,
    verify_generation,
)
from clipsearch.indexes.gpu import on_gpu
from clipsearch.indexes.protocol import Found, Index
from clipsearch.indexes.recipes import Recipe, choose_recipe, recipe_named
from clipsearch.indexes.scan import merge, scan

__all__ = [
    "Found",
    "Generation",
    "Index",
    "Recipe",
    "agreement_at_k",
    "choose_recipe",
    "generations",
    "merge",
    "on_gpu",
    "open_generation",
    "publish",
    "recipe_named",
    "retire",
    "scan",
    "verify_generation",
]
