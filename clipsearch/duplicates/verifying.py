"""Compares pictures themselves, read anew, where their sketches say that they may be copies."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from clipsearch.catalogue.sketches import Held
from clipsearch.duplicates.aligning import Floats
from clipsearch.duplicates.comparing import halved, likeness
from clipsearch.duplicates.files import Standing, at_size
from clipsearch.duplicates.group import DuplicateOptions
from clipsearch.duplicates.progress import OnStep
from clipsearch.duplicates.sketch import grey
from clipsearch.duplicates.turns import turned
from clipsearch.errors import UnreadableQueryImage
from clipsearch.images import DecodePool, decode_picture
from clipsearch.values import Decoded, Pixels, Skip

_SIDE = 128
_LEAST_SIDE = 32
_PICTURES_AT_ONCE = 256
_PAIRS_AT_ONCE = 32

_LEAST_CORRELATION = 0.9
_LEAST_OVERLAP = 0.6
_MAYBE_EQUAL = 0.1
"""Pictures of one size that differ by less than this are compared pixel by pixel."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Two images that may be copies, the second turned so as to lie like the first."""

    first: int
    second: int
    turn: int


@dataclass(frozen=True, slots=True)
class Verified:
    """Two images that are copies, how much they differ, and whether their pixels are equal."""

    first: int
    second: int
    turned: bool
    difference: float
    equal: bool


def verified(
    candidates: Sequence[Candidate], standing: Standing, options: DuplicateOptions, on_step: OnStep
) -> Iterator[Verified]:
    """Those of the candidates that are copies; what cannot be read is noted in `standing`.

    Pictures are read in the decoding processes, some hundred at once.
    """
    digests: dict[int, bytes] = {}
    done = 0
    on_step("comparing", 0, len(candidates))
    with DecodePool(at_size(_SIDE, _SIDE), options.limits, options.workers) as pool:
        for part in _parts(candidates):
            ids = dict.fromkeys(each for pair in part for each in (pair.first, pair.second))
            pixels = _read(pool, [standing.images[each] for each in ids], standing)
            there = [pair for pair in part if pair.first in pixels and pair.second in pixels]
            for pair, difference in _compared(there, pixels, standing, options.most_difference):
                if difference <= options.most_difference:
                    equal = _same_pixels(pair, difference, standing, digests)
                    yield Verified(pair.first, pair.second, pair.turn > 0, difference, equal)
            done += len(part)
            on_step("comparing", done, len(candidates))


def _parts(candidates: Sequence[Candidate]) -> Iterator[list[Candidate]]:
    """Candidates in groups that take few pictures together."""
    part: list[Candidate] = []
    ids: set[int] = set()
    for pair in sorted(candidates, key=lambda pair: (pair.first, pair.second)):
        part.append(pair)
        ids |= {pair.first, pair.second}
        if len(ids) >= _PICTURES_AT_ONCE:
            yield part
            part, ids = [], set()
    if part:
        yield part


def _read(pool: DecodePool, images: Sequence[Held], standing: Standing) -> dict[int, Pixels]:
    """The pictures of images that still hold what was indexed: uint8 [128, 128, 3]."""
    by_path = {image.files[0].path: image for image in images}
    found = {}
    with closing(pool.decode((image.files[0], ()) for image in images)) as outcomes:
        for outcome in outcomes:
            image = by_path[outcome.path]
            if isinstance(outcome, Skip):
                standing.unread[outcome.path] = outcome
            elif isinstance(outcome, Decoded) and outcome.info.fingerprint == image.fingerprint:
                found[image.image_id] = outcome.pixels
    return found


def _compared(
    pairs: Sequence[Candidate], pixels: dict[int, Pixels], standing: Standing, enough: float
) -> Iterator[tuple[Candidate, float]]:
    """Each pair with its difference; infinite where the pictures have too little in common."""
    by_side: dict[int, list[Candidate]] = {}
    for pair in pairs:
        by_side.setdefault(_side(pair, standing), []).append(pair)
    for side, some in by_side.items():
        for start in range(0, len(some), _PAIRS_AT_ONCE):
            part = some[start : start + _PAIRS_AT_ONCE]
            first = np.stack([_planes(pixels[pair.first], side) for pair in part])
            second = np.stack(
                [_planes(turned(pixels[pair.second], pair.turn), side) for pair in part]
            )
            found = likeness(first, second, enough)
            alike = (found.correlations >= _LEAST_CORRELATION) & (found.overlaps >= _LEAST_OVERLAP)
            differences = np.where(alike, found.differences, np.inf)
            yield from zip(part, differences.tolist(), strict=True)


def _side(pair: Candidate, standing: Standing) -> int:
    """The side at which both pictures have pixels of their own."""
    images = standing.images[pair.first], standing.images[pair.second]
    least = min(min(image.width, image.height) for image in images)
    side = _SIDE
    while side > max(least, _LEAST_SIDE):
        side //= 2
    return side


def _planes(pixels: Pixels, side: int) -> Floats:
    """Grey, and how far red and blue are from it: float32 [side, side, 3]."""
    greys = grey(pixels).astype(np.float32)
    planes = np.stack([greys, pixels[..., 0] - greys, pixels[..., 2] - greys])
    while planes.shape[-1] > side:
        planes = halved(planes)
    return planes.transpose(1, 2, 0)


def _same_pixels(
    pair: Candidate, difference: float, standing: Standing, digests: dict[int, bytes]
) -> bool:
    """Whether two pictures of one size decode to the same pixels, all of them."""
    first, second = standing.images[pair.first], standing.images[pair.second]
    same_size = (first.width, first.height) == (second.width, second.height)
    if pair.turn or not same_size or difference > _MAYBE_EQUAL:
        return False
    for image in (first, second):
        if image.image_id not in digests:
            digests[image.image_id] = _digest(image)
    return digests[first.image_id] == digests[second.image_id]


def _digest(image: Held) -> bytes:
    """A hash of a picture's pixels; of its own fingerprint where it cannot be read any more."""
    try:
        decoded = decode_picture(image.files[0].path, at_size(image.width, image.height))
    except UnreadableQueryImage:
        return image.fingerprint
    return hashlib.blake2b(decoded.pixels.data, digest_size=32).digest()
