"""An index as files in a folder, and back again as a memory map."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from clipsearch.errors import GenerationDamaged
from clipsearch.indexes.engine import loaded_faiss
from clipsearch.indexes.manifest import IDS, INDEX, Manifest, Seal, SealingWriter
from clipsearch.indexes.recipes import Recipe
from clipsearch.indexes.searching import FaissIndex
from clipsearch.indexes.stored import stored_in
from clipsearch.values import Ids


def write_files(index: FaissIndex, folder: Path) -> dict[str, Seal]:
    """Write the index into the folder, each file synced; return the files' seals by name.

    Raises OSError when the disk does.
    """
    faiss = loaded_faiss()

    def write_index(writer: SealingWriter) -> None:
        faiss.write_index(index.wide, faiss.PyCallbackIOWriter(writer.write))

    def write_ids(writer: SealingWriter) -> None:
        np.lib.format.write_array(writer, index.ids, allow_pickle=False)

    return {
        INDEX: _written(folder / INDEX, write_index),
        IDS: _written(folder / IDS, write_ids),
    }


def _written(path: Path, write: Callable[[SealingWriter], None]) -> Seal:
    with path.open("wb") as file:
        writer = SealingWriter(file)
        write(writer)
        file.flush()
        os.fsync(file.fileno())
    return writer.seal(path)


def opened(place: Path, manifest: Manifest) -> FaissIndex:
    """Return the index in the folder, mapped; its seals must have been checked before.

    Raises GenerationDamaged when the files are not the index that the manifest tells of.
    """
    try:
        ids = _mapped_ids(place / IDS, manifest)
        wide = _mapped_index(place / INDEX)
        flat = _flat_of(wide, manifest.recipe, manifest.dim)
        _expect(wide.ntotal == flat.ntotal == manifest.count, "another number of embeddings")
        return FaissIndex(manifest.recipe, ids, stored_in(flat), wide)
    # FAISS turns what it meets in a file into many types (RuntimeError, MemoryError, ...).
    except Exception as error:
        raise GenerationDamaged(place, str(error).strip().splitlines()[-1]) from error


def _mapped_ids(path: Path, manifest: Manifest) -> Ids:
    ids: Ids = np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    _expect(ids.dtype == np.int64 and ids.shape == (manifest.count,), f"{path.name}: other shape")
    _expect(bool((ids[1:] > ids[:-1]).all()), f"{path.name}: ids do not ascend")
    last = int(ids[-1]) if len(ids) else 0
    _expect(last == manifest.last_id, f"{path.name}: last id {last}, not {manifest.last_id}")
    return ids


def _mapped_index(path: Path) -> Any:
    faiss = loaded_faiss()

    return faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)


def _flat_of(wide: Any, recipe: Recipe, dim: int) -> Any:
    """Return the flat index inside `wide`, once both are what the recipe makes."""
    faiss = loaded_faiss()

    flat = wide
    if recipe.kind == "pq":
        _expect(isinstance(wide, faiss.IndexRefine), "not a refined index")
        codes, flat = (faiss.downcast_index(part) for part in (wide.base_index, wide.refine_index))
        fits = isinstance(codes, faiss.IndexPQFastScan) and codes.ntotal == wide.ntotal
        _expect(fits and codes.d == wide.d == dim, "other codes")
    if recipe.storage == "fp32":
        _expect(isinstance(flat, faiss.IndexFlat), "not stored in fp32")
    else:
        fp16 = faiss.ScalarQuantizer.QT_fp16
        fits = isinstance(flat, faiss.IndexScalarQuantizer) and flat.sq.qtype == fp16
        _expect(fits, "not stored in fp16")
    _expect(flat.d == dim, f"width {flat.d}, not {dim}")
    _expect(flat.metric_type == wide.metric_type == faiss.METRIC_INNER_PRODUCT, "another metric")
    _expect(flat.codes.size() == flat.ntotal * flat.code_size, "embeddings cut off")
    return flat


def _expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)
