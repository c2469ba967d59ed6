"""Holds a lower precision against fp32 on the user's own first pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from clipsearch.images import DecodePool, Scan, ScanRules
from clipsearch.ingest.report import IngestOptions
from clipsearch.towers import TowerPair, check_precision
from clipsearch.values import Decoded, FoundFile, Pixels

SAMPLE = 256


def check_on_first_pictures(
    roots: Sequence[Path], options: IngestOptions, candidate: TowerPair, reference: TowerPair
) -> None:
    """Raise PrecisionRefused if `candidate` finds other neighbours than `reference` does.

    The first pictures under the roots are asked for one another. With fewer than two pictures
    there is nothing to compare.
    """
    pixels = _first_pixels(roots, options, candidate)
    if len(pixels) > 1:
        check_precision(reference, candidate, pixels)


def _first_pixels(roots: Sequence[Path], options: IngestOptions, tower: TowerPair) -> Pixels:
    requests = ((file, ()) for file in _files(roots, options))
    with DecodePool(tower.preprocessing, options.limits, options.workers) as pool:
        decoded = (item for item in pool.decode(requests) if isinstance(item, Decoded))
        first = [picture.pixels for picture in islice(decoded, SAMPLE)]
    return np.stack(first) if first else np.empty((0, 1, 1, 3), np.uint8)


def _files(roots: Sequence[Path], options: IngestOptions) -> Iterator[FoundFile]:
    rules = ScanRules(exclude=options.exclude or (), hidden=bool(options.hidden))
    for root in roots:
        yield from (item for item in Scan(root, rules) if isinstance(item, FoundFile))
