"""Embeddings in .npy files (NumPy's NEP 1), without pickle, and without trusting a number."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.typing import NDArray

from clipsearch.exchange_errors import EmbeddingsRefused, ExchangeUnreadable
from clipsearch.towers import usable
from clipsearch.towers.pair import of_unit_length
from clipsearch.values import Embeddings, Ids

Dtype = Literal["float32", "float16"]
Rows = NDArray[np.floating[Any]]

NORMALISE = "`--normalise` brings every row to unit length."
LEAVE_OUT = "Embed that picture again, or leave its row out."


def open_rows(path: Path) -> Rows:
    """The embeddings of a file as they lie there, mapped: [n, dim], float16 or wider.

    Raises ExchangeUnreadable for what is none, or shorter than it says.
    """
    try:
        rows = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError, OverflowError, TypeError, SyntaxError) as error:
        raise ExchangeUnreadable(path, f"it is no whole .npy file ({error})") from error
    if not isinstance(rows, np.ndarray) or rows.ndim != 2 or rows.shape[1] == 0:
        raise ExchangeUnreadable(path, "it does not hold rows of embeddings")
    if rows.dtype.kind != "f" or rows.dtype.itemsize not in (2, 4, 8):
        raise ExchangeUnreadable(path, f"its numbers are {rows.dtype}, not float16 or float32")
    return rows


def accepted(rows: Rows, path: Path, numbers: Ids, *, normalise: bool) -> Embeddings:
    """Rows [n, dim] with these numbers in their file, as a collection holds them.

    float32 of unit length; rows of float32 that have it already stay as they are, bit for bit.
    Raises EmbeddingsRefused for the first that is not finite, or not of unit length (within
    0.001) unless `normalise`.
    """
    exact = np.asarray(rows, np.float32)
    _refuse(np.asarray(np.isfinite(exact).all(axis=1)), path, numbers, "is not finite", LEAVE_OUT)
    if not normalise:
        _refuse(usable(exact), path, numbers, "is not of unit length", NORMALISE)
        if rows.dtype == np.float32:
            return exact
    scaled = of_unit_length(exact)
    _refuse(usable(scaled), path, numbers, "has no length", LEAVE_OUT)
    return scaled


def accepted_texts(rows: Rows, path: Path, numbers: Ids, *, normalise: bool) -> Embeddings:
    """As `accepted`, of captions: a row of zeros is a caption that is not there, and stays."""
    result = np.zeros(rows.shape, np.float32)
    given = np.asarray(rows, np.float32).any(axis=1)
    result[given] = accepted(rows[given], path, numbers[given], normalise=normalise)
    return result


def _refuse(good: NDArray[np.bool_], path: Path, numbers: Ids, fault: str, way_out: str) -> None:
    if not good.all():
        raise EmbeddingsRefused(path, int(numbers[np.argmin(good)]), fault, way_out)


def write_header(file: IO[bytes], shape: tuple[int, int], dtype: Dtype) -> None:
    """Begin a .npy file; the rows follow as they are, byte for byte."""
    described = np.dtype(dtype).newbyteorder("<").str
    header = {"descr": described, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)


def row_bytes(rows: Embeddings, dtype: Dtype) -> bytes:
    """Rows as a .npy file holds them."""
    return np.ascontiguousarray(rows, np.dtype(dtype).newbyteorder("<")).tobytes()
