"""Reads the pictures of a collection again, for a tower that has not seen them."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection

from clipsearch.catalogue import Catalogue, reading, staging
from clipsearch.catalogue.staging import Unstaged
from clipsearch.errors import UnreadableQueryImage
from clipsearch.images import DecodePool, decode_picture
from clipsearch.ingest.migration_options import MigrationOptions
from clipsearch.shards import as_found
from clipsearch.towers import TowerPair
from clipsearch.values import Decoded, FoundFile, Pixels, Skip, Unreached

NO_FILE = "a program added it, and it is no file"
GONE = "its file is gone"
CHANGED = "its file holds another picture now"
OTHER_PICTURE = "the picture supplied is another"

Again = tuple[int, Pixels]
"""An image id and its picture, uint8 [h, w, 3]."""


def first_reachable(connection: Connection) -> Iterator[Unstaged | Unreached]:
    """Every image without a new embedding; its `paths` are those where a file stands now."""
    for image in _unstaged(connection):
        there = tuple(path for path in image.paths if as_found(path) is not None)
        if there:
            yield Unstaged(image.image_id, image.fingerprint, there)
        else:
            path = image.paths[0] if image.paths else None
            yield Unreached(image.image_id, path, GONE if path else NO_FILE)


def held_again(
    connection: Connection, catalogue: Catalogue, tower: TowerPair, options: MigrationOptions
) -> Generator[Again | Unreached, None, None]:
    """Every image without a new embedding: its picture, or why it cannot be had.

    Each of its files is tried until one holds the very content that was indexed.
    """
    without: list[Unreached] = []

    def reachable() -> Iterator[Unstaged]:
        for found in first_reachable(connection):
            if isinstance(found, Unreached):
                without.append(found)
            else:
                yield found

    turn: Iterator[Unstaged] = reachable()
    while True:
        failed: list[tuple[Unstaged, str]] = []
        with closing(_decoded(turn, failed, tower, options)) as pictures:
            yield from pictures
        for image, reason in failed:
            if len(image.paths) == 1:
                yield Unreached(image.image_id, image.paths[0], reason)
        rest = [image for image, _ in failed if len(image.paths) > 1]
        if not rest:
            break
        turn = iter([Unstaged(one.image_id, one.fingerprint, one.paths[1:]) for one in rest])
    for found in without:
        yield _supplied(found, catalogue, tower, options)


def _decoded(
    images: Iterator[Unstaged],
    failed: list[tuple[Unstaged, str]],
    tower: TowerPair,
    options: MigrationOptions,
) -> Generator[Again, None, None]:
    """The pictures of the images whose first file holds them; the others go into `failed`."""
    waiting: dict[Path, Unstaged] = {}

    def requests() -> Iterator[tuple[FoundFile, tuple[bytes, ...]]]:
        for image in images:
            file = as_found(image.paths[0])
            if file is None:
                failed.append((image, GONE))
            else:
                waiting[file.path] = image
                yield file, ()

    with DecodePool(tower.preprocessing, options.limits, options.workers) as pool:
        for outcome in pool.decode(requests()):
            image = waiting.pop(outcome.path)
            if isinstance(outcome, Skip):
                failed.append((image, outcome.reason))
            elif not isinstance(outcome, Decoded) or outcome.info.fingerprint != image.fingerprint:
                failed.append((image, CHANGED))
            else:
                yield image.image_id, outcome.pixels


def _supplied(
    found: Unreached, catalogue: Catalogue, tower: TowerPair, options: MigrationOptions
) -> Again | Unreached:
    """The picture that the program gives for an image, if it is the one that was indexed."""
    if options.supply is None:
        return found
    with catalogue.reader() as connection:
        image = reading.images_of(connection, [found.image_id])[found.image_id]
    picture = options.supply(image)
    if picture is None:
        return found
    try:
        decoded = decode_picture(picture, tower.preprocessing, options.limits)
    except UnreadableQueryImage as error:
        return Unreached(found.image_id, found.path, error.skip.reason)
    if decoded.info.fingerprint != image.info.fingerprint:
        return Unreached(found.image_id, found.path, OTHER_PICTURE)
    return found.image_id, decoded.pixels


def _unstaged(connection: Connection) -> Iterator[Unstaged]:
    last = 0
    while part := staging.unstaged_after(connection, last):
        yield from part
        last = part[-1].image_id
