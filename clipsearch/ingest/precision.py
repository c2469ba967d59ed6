"""Holds a lower precision against fp32 on the user's own first pictures, until it held once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from clipsearch.catalogue import Catalogue, reading, transaction, writing
from clipsearch.errors import PrecisionRefused, UnreadableQueryImage
from clipsearch.images import DecodePool, Scan, ScanRules, decode_picture
from clipsearch.ingest.additions import Addition
from clipsearch.ingest.report import IngestOptions
from clipsearch.towers import TowerPair, check_precision
from clipsearch.towers.precision import ENOUGH
from clipsearch.values import Decoded, FoundFile, Pixels

CHECKED_AT_MOST = 256
FACT = "precision_checked"


def precision_held(catalogue: Catalogue) -> bool:
    """Whether the precision of the collection held on enough pictures before."""
    with catalogue.reader() as connection:
        return reading.fact(connection, FACT) == "1"


def note_precision_held(catalogue: Catalogue, pictures: int) -> None:
    """Note that the precision held on so many pictures, if they are enough to be sure.

    After fewer the next ones are asked, too.
    """
    if pictures >= ENOUGH:
        with catalogue.writer() as connection, transaction(connection):
            writing.set_fact(connection, FACT, "1")


def check_on_first_files(
    roots: Mapping[Path, ScanRules],
    options: IngestOptions,
    candidate: TowerPair,
    reference: TowerPair,
    standing: str | None = None,
) -> int:
    """Raise PrecisionRefused if `candidate` finds other neighbours than `reference` does.

    The first pictures under the roots are asked for one another; returns how many these were.
    With fewer than two there is nothing to compare. `standing` names the collection if it has
    the precision already: then another way out is told.
    """
    requests = ((file, ()) for file in _files(roots))
    with DecodePool(candidate.preprocessing, options.limits, options.workers) as pool:
        decoded = (item for item in pool.decode(requests) if isinstance(item, Decoded))
        first = _first(decoded)
    try:
        return _check(first, candidate, reference)
    except PrecisionRefused as refused:
        raise PrecisionRefused(
            refused.name, refused.precision, refused.detail, standing
        ) from refused


def check_on_additions(
    additions: Sequence[Addition], candidate: TowerPair, reference: TowerPair
) -> int:
    """As `check_on_first_files`, of pictures that are not files, up to one that is no image."""
    return _check(_first(_readable(additions, candidate)), candidate, reference)


def _readable(additions: Sequence[Addition], candidate: TowerPair) -> Iterator[Decoded]:
    for addition in additions:
        try:
            yield decode_picture(addition.picture, candidate.preprocessing)
        except UnreadableQueryImage:
            return  # taking it in says so, after the pictures before it


def _first(pictures: Iterable[Decoded]) -> list[Pixels]:
    """The first pictures without copies: which of two is nearer would be chance."""
    found: dict[bytes, Pixels] = {}
    for picture in pictures:
        found.setdefault(picture.info.fingerprint, picture.pixels)
        if len(found) == CHECKED_AT_MOST:
            break
    return list(found.values())


def _check(first: list[Pixels], candidate: TowerPair, reference: TowerPair) -> int:
    if len(first) > 1:
        check_precision(reference, candidate, np.stack(first))
    return len(first)


def _files(roots: Mapping[Path, ScanRules]) -> Iterator[FoundFile]:
    for root, rules in roots.items():
        yield from (item for item in Scan(root, rules) if isinstance(item, FoundFile))
