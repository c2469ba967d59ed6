"""From decoded pictures to rows: embeds in fixed batches and commits each batch whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection

from clipsearch.catalogue import Pending, transaction, writing
from clipsearch.ingest.report import IngestReport
from clipsearch.towers import TowerPair, usable
from clipsearch.values import Decoded, Embeddings, Pixels, Recognised, Skip, SkipCode

# A tower is given a multiple of this many pictures, so that each batch of its own is full. What is
# short is filled up with black pictures: the last bits of an embedding may depend on the size of
# its batch, and a run that was interrupted is to end with the very bits of one that was not.
FULL_BATCH = 8

Outcome = Decoded | Recognised | Skip


@dataclass(frozen=True, slots=True)
class Read:
    """What came of a file that was to be read."""

    pending: Pending
    outcome: Outcome


def in_batches(reads: Iterable[Read], size: int) -> Iterator[list[Read]]:
    """Group what was read so that each group holds up to `size` pictures to embed."""
    batch: list[Read] = []
    pictures = 0
    for read in reads:
        batch.append(read)
        pictures += isinstance(read.outcome, Decoded)
        if pictures == size or len(batch) == 8 * size:
            yield batch
            batch, pictures = [], 0
    if batch:
        yield batch


def embed_pixels(tower: TowerPair, pixels: Pixels) -> Embeddings:
    """Embed pictures [n, h, w, 3] in full batches: float32 [n, dim]."""
    short = -len(pixels) % FULL_BATCH
    filled = np.concatenate([pixels, np.zeros((short, *pixels.shape[1:]), np.uint8)])
    return tower.embed_images(filled)[: len(pixels)]


def embed_batch(batch: list[Read], tower: TowerPair) -> list[tuple[Read, Embeddings | None]]:
    """Pair each read with its embedding [dim]; what cannot be embedded becomes a skip."""
    pictures = [read.outcome.pixels for read in batch if isinstance(read.outcome, Decoded)]
    if not pictures:
        return [(read, None) for read in batch]
    embedded = embed_pixels(tower, np.stack(pictures))
    good = usable(embedded)
    rows = iter(range(len(embedded)))
    paired: list[tuple[Read, Embeddings | None]] = []
    for read in batch:
        if not isinstance(read.outcome, Decoded):
            paired.append((read, None))
            continue
        row = next(rows)
        paired.append((read, embedded[row]) if good[row] else (_without_embedding(read), None))
    return paired


def _without_embedding(read: Read) -> Read:
    reason = "the tower gave an embedding that is not finite or has no length"
    skip = Skip(read.pending.file.path, SkipCode.BAD_EMBEDDING, reason)
    return Read(read.pending, skip)


class BatchWriter:
    """Commits batches, and counts what they did."""

    def __init__(self, connection: Connection, report: IngestReport) -> None:
        self._connection = connection
        self._report = report
        self.appeared: Counter[int] = Counter()
        """How many new files turned out to hold an image that stood already, by image id."""

    def commit(self, paired: list[tuple[Read, Embeddings | None]]) -> None:
        """Write a batch in one transaction: rows and embeddings together, or none of them."""
        with transaction(self._connection):
            counts = [self._write(read, embedding) for read, embedding in paired]
        for read, image_id in zip([read for read, _ in paired], counts, strict=True):
            self._count(read, image_id)

    def _write(self, read: Read, embedding: Embeddings | None) -> int | None:
        """Write one read; returns the id of the image if it stood already."""
        file, outcome = read.pending.file, read.outcome
        if isinstance(outcome, Skip):
            writing.put_skip(self._connection, outcome, file)
            return None
        fingerprint = (
            outcome.info.fingerprint if isinstance(outcome, Decoded) else (outcome.fingerprint)
        )
        known = image_id = writing.image_with(self._connection, fingerprint)
        if image_id is None:
            assert isinstance(outcome, Decoded)
            assert embedding is not None
            image_id = writing.insert_image(self._connection, outcome.info, embedding)
        writing.put_file(self._connection, file, image_id)
        if isinstance(outcome, Decoded):
            added = writing.add_captions(self._connection, image_id, outcome.captions)
            self._report.captions_added += added
        return known

    def _count(self, read: Read, known: int | None) -> None:
        if isinstance(read.outcome, Skip):
            return
        if isinstance(read.outcome, Decoded):
            self._report.embedded += 1
            self._report.notes.update(read.outcome.info.notes)
        if read.pending.was_known:
            self._report.updated += 1
        else:
            self._report.added += 1
            if known is not None:
                self.appeared[known] += 1
