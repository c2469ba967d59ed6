"""A picture in 32 x 32 greys: enough to find its copies by, whichever way they were turned.

A perceptual hash keeps the signs of the lowest frequencies of such a sketch (Zauner 2010) and is
looked up in buckets. We keep the sketch itself, a kilobyte, and take from it what a hash throws
away: the frequencies as numbers, which a nearest-neighbour search finds without the jumps of
bits and buckets, and the greys, by which two pictures are laid over each other. The transform is
two small matrix products over all sketches at once, so no library is needed for it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clipsearch.values import Embeddings, Pixels, Preprocessing

SIDE = 32
SKETCHING = Preprocessing(SIDE, SIDE, "squash", "bicubic", (0.0,) * 3, (1.0,) * 3)
"""How the decoding processes bring a picture to a sketch's size, whatever its proportions."""

FREQUENCIES = 8
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as JPEG weighs colours

Sketches = NDArray[np.uint8]
"""Grey pictures, uint8 [n, 32, 32]."""

Floats = NDArray[np.float32]


def grey(pixels: Pixels) -> NDArray[np.uint8]:
    """The greys of RGB pixels: uint8 [..., h, w]."""
    greys: NDArray[np.uint8] = np.rint(pixels @ _LUMA).astype(np.uint8)
    return greys


def contrast(sketches: Sketches) -> Floats:
    """How far the greys of each sketch spread: standard deviations of 0 to 127, [n]."""
    spread: Floats = sketches.reshape(len(sketches), SIDE * SIDE).std(axis=1, dtype=np.float32)
    return spread


def signatures(sketches: Sketches) -> Embeddings:
    """What stays of each sketch when it is turned or mirrored: float32 [n, 63], unit length.

    Mirroring changes signs of a cosine transform, a quarter turn swaps its two directions: so
    magnitudes are kept, and of the two that a quarter turn swaps first the greater. Brightness
    is left out and contrast divided away. A sketch of one grey is zero throughout.
    """
    centred = sketches - sketches.mean(axis=(1, 2), keepdims=True, dtype=np.float32)
    low = _cosines()[:FREQUENCIES] @ centred @ _cosines()[:FREQUENCIES].T
    sizes = np.sqrt(np.abs(low))  # else the lowest frequencies drown all others
    swapped = sizes.transpose(0, 2, 1)
    rows, columns = np.triu_indices(FREQUENCIES)
    greater = np.maximum(sizes, swapped)[:, rows, columns][:, 1:]
    lesser = np.minimum(sizes, swapped)[:, rows, columns][:, rows != columns]
    kept = np.concatenate([greater, lesser], axis=1)
    length = np.linalg.norm(kept, axis=1, keepdims=True)
    unit: Embeddings = np.divide(kept, length, out=np.zeros_like(kept), where=length > 1)
    return unit


def _cosines() -> Floats:
    """The orthonormal DCT-II as a matrix [32, 32]."""
    place = np.arange(SIDE, dtype=np.float64)
    matrix = np.cos(np.pi * (2 * place + 1) * place[:, np.newaxis] / (2 * SIDE))
    matrix *= np.sqrt(2 / SIDE)
    matrix[0] /= np.sqrt(2)
    return matrix.astype(np.float32)
