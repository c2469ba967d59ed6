"""Takes a collection over to another tower: embeds beside what stands, then switches at once.

The order: every image is embedded anew into the staging table, a transaction a batch; an index
of these is published, which nobody names yet; one transaction puts the staged embeddings in the
place of the old, names the new tower and the new index, and takes out what was given up. Until
its commit every reader sees the old tower whole, afterwards the new one. A run that was stopped
anywhere goes on where it stopped; images that came or went in between are seen.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from sqlalchemy import Connection

from clipsearch.catalogue import Catalogue, reading, set_generation, staging, transaction, writing
from clipsearch.indexes import retire
from clipsearch.ingest.batches import embed_pixels
from clipsearch.ingest.migration_options import MigrationOptions
from clipsearch.ingest.migration_reading import Again, first_reachable, held_again
from clipsearch.ingest.migration_space import refuse_short_space
from clipsearch.ingest.precision import CHECKED_AT_MOST, FACT
from clipsearch.ingest.publishing import KEPT_GENERATIONS, publish_chunks
from clipsearch.ingest.report import OnProgress, Progress
from clipsearch.migration_errors import MigrationIncomplete, MigrationUnfinished
from clipsearch.settings import GENERATIONS
from clipsearch.towers import TowerPair, check_precision, usable
from clipsearch.towers.precision import ENOUGH
from clipsearch.values import Embeddings, Ids, TowerIdentity, Unreached

NO_EMBEDDING = "the tower gave an embedding that is not finite or has no length"


@dataclass(frozen=True, slots=True)
class MigrationReport:
    """What a migration did, in images: embedded now, embedded by an earlier run, taken out."""

    old: TowerIdentity
    new: TowerIdentity
    embedded: int = 0
    resumed: int = 0
    dropped: tuple[Unreached, ...] = ()
    seconds: float = 0.0

    @property
    def migrated(self) -> bool:
        """Whether there was anything to do: the collection had another tower before."""
        return self.old != self.new


@dataclass(frozen=True, slots=True)
class Place:
    """Where the collection lives, and its name for messages."""

    catalogue: Catalogue
    folder: Path
    name: str


def migrate(
    place: Place, tower: TowerPair, options: MigrationOptions, on_progress: OnProgress
) -> MigrationReport:
    """Take a collection over to a tower; the caller holds the collection's writer lock.

    Raises MigrationUnfinished, MigrationIncomplete, SpaceShort, PrecisionRefused; the collection
    then goes on with the tower that it has, and what is staged stays for the next run.
    """
    started = time.monotonic()
    old = place.catalogue.tower()
    if old == tower.identity:
        _refuse_begun(place, old)
        return MigrationReport(old, old)
    with place.catalogue.writer() as connection:
        run = _Migration(connection, place, tower, options, on_progress)
        run.refuse()
        run.embed()
        dropped = run.switch()
    seconds = time.monotonic() - started
    return MigrationReport(old, tower.identity, run.embedded, run.resumed, dropped, seconds)


def _refuse_begun(place: Place, asked: TowerIdentity) -> None:
    """Raise MigrationUnfinished if pictures are on their way to another tower than `asked`."""
    with place.catalogue.reader() as connection:
        begun = staging.target(connection)
        if begun is not None and begun != asked and staging.count_staged(connection):
            raise MigrationUnfinished(place.name, begun, asked)


def abandon(catalogue: Catalogue) -> TowerIdentity | None:
    """Give up an unfinished migration; returns the tower that it went to."""
    with catalogue.writer() as connection, transaction(connection):
        target = staging.target(connection)
        staging.abandon(connection)
    return target


class _Migration:
    """One run; each step leaves the catalogue whole."""

    def __init__(
        self,
        connection: Connection,
        place: Place,
        tower: TowerPair,
        options: MigrationOptions,
        on_progress: OnProgress,
    ) -> None:
        self._connection = connection
        self._place = place
        self._tower = tower
        self._options = options
        self._tell = on_progress
        self._unreached: list[Unreached] = []
        self._compared = 0
        self.embedded = 0
        self.resumed = 0

    def refuse(self) -> None:
        """Refuse what cannot end well, before anything is written but the intent."""
        with transaction(self._connection):
            begun = staging.target(self._connection)
            staging.begin(self._connection, self._tower.identity)
            self.resumed = staging.count_staged(self._connection)
            if self.resumed and begun is not None and begun != self._tower.identity:
                raise MigrationUnfinished(self._place.name, begun, self._tower.identity)
        missing = [] if self._options.drop_missing else self._missing_now()
        self._refuse_unreached(missing)
        left = reading.count_images(self._connection) - self.resumed
        refuse_short_space(self._place.folder, left, self.resumed, self._tower.identity.dim)
        self._compared = self._check_precision()

    def embed(self) -> None:
        """Embed and commit, batch by batch, every image that has no new embedding yet."""
        total = reading.count_images(self._connection) - self.resumed
        self._progress(total)
        with closing(self._pictures()) as pictures:
            while batch := list(islice(pictures, self._options.batch)):
                self._commit(batch)
                self._progress(total)

    def _pictures(self) -> Generator[Again, None, None]:
        """The pictures that can be had; the others are noted."""
        with closing(self._read_again()) as found:
            for each in found:
                if isinstance(each, Unreached):
                    self._unreached.append(each)
                else:
                    yield each

    def _read_again(self) -> Generator[Again | Unreached, None, None]:
        return held_again(self._connection, self._place.catalogue, self._tower, self._options)

    def switch(self) -> tuple[Unreached, ...]:
        """Publish the index of what is staged, and let both take their place in one step."""
        if not self._options.drop_missing or not staging.count_staged(self._connection):
            self._refuse_unreached(self._unreached)
        self._tell(Progress("indexing", 0, None))
        dropped = tuple(self._unreached)
        identity, folder = self._tower.identity, self._place.folder
        named = publish_chunks(
            folder / GENERATIONS, identity, self._staged_chunks(), self._count_staged()
        )
        with transaction(self._connection):
            staging.drop_images(self._connection, (gone.image_id for gone in dropped))
            staging.switch(self._connection, identity)
            set_generation(self._connection, named)
            held = "1" if self._compared >= ENOUGH else "0"
            writing.set_fact(self._connection, FACT, held)
        retire(folder / GENERATIONS, keep=KEPT_GENERATIONS)
        return dropped

    def _commit(self, batch: list[Again]) -> None:
        rows = embed_pixels(self._tower, np.stack([pixels for _, pixels in batch]))
        good = usable(rows)
        ids = [image_id for image_id, _ in batch]
        spoilt = [image_id for image_id, fine in zip(ids, good, strict=True) if not fine]
        self._unreached += [self._described(image_id, NO_EMBEDDING) for image_id in spoilt]
        kept = [image_id for image_id, fine in zip(ids, good, strict=True) if fine]
        with transaction(self._connection):
            staging.stage(self._connection, kept, rows[good])
        self.embedded += len(kept)

    def _described(self, image_id: int, reason: str) -> Unreached:
        found = reading.images_of(self._connection, [image_id])
        return Unreached(image_id, found[image_id].path if found else None, reason)

    def _missing_now(self) -> list[Unreached]:
        """The images that no file holds any more, as far as can be seen without reading."""
        supplied = self._options.supply is not None
        return [
            found
            for found in first_reachable(self._connection)
            if isinstance(found, Unreached) and not (supplied and found.path is None)
        ]

    def _refuse_unreached(self, unreached: list[Unreached]) -> None:
        if unreached:
            images = reading.count_images(self._connection)
            raise MigrationIncomplete(self._place.name, unreached, images)

    def _check_precision(self) -> int:
        """Hold a lower precision against fp32 on the first pictures; returns how many."""
        if self._options.reference is None:
            return 0
        with closing(self._read_again()) as found:
            pictures = (each for each in found if not isinstance(each, Unreached))
            first = [pixels for _, pixels in islice(pictures, CHECKED_AT_MOST)]
        if len(first) > 1:
            check_precision(self._options.reference, self._tower, np.stack(first))
        return len(first)

    def _staged_chunks(self) -> Iterator[tuple[Ids, Embeddings]]:
        dim, last = self._tower.identity.dim, 0
        yield np.empty(0, np.int64), np.empty((0, dim), np.float32)
        while True:
            ids, rows = staging.staged_after(self._connection, last, dim)
            if not len(ids):
                return
            yield ids, rows
            last = int(ids[-1])

    def _count_staged(self) -> int:
        return staging.count_staged(self._connection)

    def _progress(self, total: int) -> None:
        self._tell(Progress("embedding", self.embedded, total, len(self._unreached)))
