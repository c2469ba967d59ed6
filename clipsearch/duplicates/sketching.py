"""Sketches the pictures that have no sketch yet, in the decoding processes, batch by batch."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

from sqlalchemy import Connection

from clipsearch.catalogue import Catalogue, transaction
from clipsearch.catalogue.sketches import Held, count_unsketched, put_sketches, unsketched
from clipsearch.duplicates.group import DuplicateOptions
from clipsearch.duplicates.progress import OnStep
from clipsearch.duplicates.sketch import SKETCHING, Sketches, grey
from clipsearch.images import DecodePool
from clipsearch.shards import as_found
from clipsearch.values import Decoded, FoundFile, Skip, SkipCode

OTHER_CONTENT = "it holds another picture than when it was indexed"


def is_sketched(catalogue: Catalogue) -> bool:
    """Whether every image that lies in a file has its sketch."""
    with catalogue.reader() as connection:
        return count_unsketched(connection) == 0


def sketch_missing(
    catalogue: Catalogue, options: DuplicateOptions, unread: list[Skip], on_step: OnStep
) -> None:
    """Sketch what has no sketch; `unread` takes what cannot be read now, to be tried next time.

    Each batch is committed at once: stopping it costs no more. The caller holds the
    collection's writer lock.
    """
    with catalogue.writer() as connection:
        total, done = count_unsketched(connection), 0
        on_step("sketching", done, total)
        with closing(_sketched(connection, unread, options)) as made:
            while batch := list(islice(made, options.batch)):
                with transaction(connection):
                    put_sketches(connection, batch)
                done += len(batch)
                on_step("sketching", done, total)


def _sketched(
    connection: Connection, unread: list[Skip], options: DuplicateOptions
) -> Generator[tuple[int, Sketches], None, None]:
    waiting: dict[Path, Held] = {}

    def requests() -> Iterator[tuple[FoundFile, tuple[bytes, ...]]]:
        for held in unsketched(connection):
            file = next((each for each in held.files if as_found(each.path)), held.files[0])
            waiting[file.path] = held
            yield file, ()

    with DecodePool(SKETCHING, options.limits, options.workers) as pool:
        for outcome in pool.decode(requests()):
            held = waiting.pop(outcome.path)
            if isinstance(outcome, Skip):
                unread.append(outcome)
            elif isinstance(outcome, Decoded) and outcome.info.fingerprint == held.fingerprint:
                yield held.image_id, grey(outcome.pixels)
            else:
                unread.append(Skip(outcome.path, SkipCode.CHANGED, OTHER_CONTENT))
