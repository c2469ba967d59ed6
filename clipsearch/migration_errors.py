"""What can go wrong when a collection goes over to another tower: branches of `errors`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from clipsearch.errors import CollectionError, HomeError, TowerError
from clipsearch.wording import collection_flag, described_tower, tower_flags

if TYPE_CHECKING:
    from clipsearch.values import TowerIdentity, Unreached


class SpaceShort(HomeError):
    """There is less space than the work will take; nothing was begun. Sizes are in bytes."""

    def __init__(self, path: Path, needed: int, free: int) -> None:
        self.path, self.needed, self.free = path, needed, free
        super().__init__(
            f"this needs about {needed / 1e6:,.0f} MB beside {path}, and {free / 1e6:,.0f} MB are "
            "free. Nothing was changed: free some space and run the command again."
        )


class MigrationUnfinished(CollectionError):
    """A migration to another tower was begun and stands unfinished."""

    def __init__(self, collection: str, begun: TowerIdentity, asked: TowerIdentity) -> None:
        self.collection, self.begun, self.asked = collection, begun, asked
        flag = collection_flag(collection)
        super().__init__(
            f"the collection {collection!r} is on its way to {described_tower(begun)}, not to "
            f"{described_tower(asked)}. Finish that (`clipsearch migrate{flag} "
            f"{tower_flags(begun)}`), or give it up with `clipsearch migrate{flag} --abandon`."
        )


class MigrationIncomplete(CollectionError):
    """Images cannot be read again, so the new tower cannot see them; nothing was switched.

    `unreached` are those images with their reasons, `images` is how many the collection holds.
    """

    def __init__(self, collection: str, unreached: Sequence[Unreached], images: int) -> None:
        self.collection, self.unreached, self.images = collection, tuple(unreached), images
        flag = collection_flag(collection)
        way_out = "Bring the files back and run it again"
        if len(unreached) < images:
            way_out += f", or go on without them (`clipsearch migrate{flag} --drop-missing`)"
        super().__init__(
            f"{len(unreached)} of {images} images of the collection {collection!r} cannot be read "
            f"again, and were kept with the tower that they have. {way_out}."
        )


class TowerOutdated(TowerError):
    """The collection was made with built-in towers that this version brings no more."""

    def __init__(self, collection: str, held: TowerIdentity, brought: str) -> None:
        self.collection, self.held, self.brought = collection, held, brought
        super().__init__(
            f"the collection {collection!r} was made with {held.name}, and this clipsearch brings "
            f"{brought}. `clipsearch migrate{collection_flag(collection)}` embeds its pictures "
            "again and keeps everything else."
        )


class TowerReplaced(TowerError):
    """Another tower's embeddings took the place of the collection's while it was open."""

    def __init__(self, held: TowerIdentity, now: TowerIdentity) -> None:
        self.held, self.now = held, now
        super().__init__(
            f"the collection went over from {described_tower(held)} to {described_tower(now)} "
            "meanwhile. Nothing is lost: run the command again."
        )
