"""Pictures with their captions, wherever they came from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from clipsearch.shards import in_shard, member_bytes
from clipsearch.values import GENERATED, Caption, Embeddings, Image, Skip, SkipCode, TowerIdentity


@dataclass(frozen=True, slots=True)
class CaptionedPicture:
    """A picture by its name in the source, all its captions, and how its bytes are read.

    `read` raises OSError where the picture is not there.
    """

    name: str
    captions: tuple[str, ...]
    read: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class KnownEmbeddings:
    """Embeddings [d] of pictures by name, and whose they are."""

    tower: TowerIdentity
    rows: Mapping[str, Embeddings]


@dataclass(frozen=True, slots=True)
class CaptionedSet:
    """Captioned pictures in the order of their source, with what was left out.

    `duplicates` counts rows that repeat a picture with the same caption; they are dropped.
    `uncaptioned` are pictures that nobody asks for but that are searched through, too; `known`
    are embeddings that need not be calculated again.
    """

    source: str
    pictures: tuple[CaptionedPicture, ...]
    skips: tuple[Skip, ...] = ()
    duplicates: int = 0
    uncaptioned: tuple[CaptionedPicture, ...] = ()
    known: KnownEmbeddings | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One picture of a source with one caption; an empty caption is a missing one."""

    name: str
    caption: str
    read: Callable[[], bytes]


def gather(source: str, rows: Iterable[Row], skips: Sequence[Skip]) -> CaptionedSet:
    """Join the rows of each picture; a picture without any caption is left out, with its skip.

    `skips` is read after the rows, so a reader may fill it on its way.
    """
    captions: dict[str, dict[str, None]] = {}
    readers: dict[str, Callable[[], bytes]] = {}
    duplicates = 0
    for row in rows:
        own = captions.setdefault(row.name, {})
        readers[row.name] = row.read
        text = row.caption.strip()
        duplicates += text in own
        if text:
            own[text] = None
    bare = tuple(no_caption(name) for name, own in captions.items() if not own)
    pictures = (
        CaptionedPicture(name, tuple(own), readers[name]) for name, own in captions.items() if own
    )
    return CaptionedSet(source, tuple(pictures), (*skips, *bare), duplicates)


TOLD = frozenset({"human", "sidecar", "table"})
"""Sources of captions that somebody wrote for the picture, to train and to measure on."""


def captioned_images(name: str, images: Iterable[Image]) -> CaptionedSet:
    """The pictures of a collection that are files and have captions that somebody wrote."""
    rows, skips = [], []
    for image in images:
        if image.path is None:
            continue
        told = _told(image)
        if not told:
            skips.append(no_caption(str(image.path)))
        rows += [Row(str(image.path), text, partial(_bytes_of, image)) for text in told]
    return gather(name, rows, skips)


def searched_images(
    name: str, images: Iterable[Image], embeddings: Mapping[int, Embeddings], tower: TowerIdentity
) -> CaptionedSet:
    """All pictures of a collection: those with captions, and the others to search through.

    `embeddings` are those of its `tower`, [d] by image id; a picture that is no file is there by
    its embedding alone.
    """
    rows, uncaptioned, known = [], [], {}
    for image in images:
        named = _name(image)
        read = partial(_bytes_of, image)
        if image.id in embeddings:
            known[named] = embeddings[image.id]
        told = _told(image)
        if not told:
            uncaptioned.append(CaptionedPicture(named, (), read))
        rows += [Row(named, text, read) for text in told]
    found = gather(name, rows, ())
    return replace(found, uncaptioned=tuple(uncaptioned), known=KnownEmbeddings(tower, known))


def generated_captions(images: Iterable[Image]) -> dict[str, tuple[Caption, ...]]:
    """What models wrote of the pictures of a collection, by the names of `searched_images`."""
    found = {
        _name(image): tuple(each for each in image.captions if each.source.startswith(GENERATED))
        for image in images
    }
    return {name: own for name, own in found.items() if own}


def _name(image: Image) -> str:
    return str(image.path or f"image {image.id}")


def _told(image: Image) -> list[str]:
    """The sentences about a picture that count: no keywords, no model's, no metadata's."""
    return [one.text for one in image.captions if one.source in TOLD and one.kind == "caption"]


def _bytes_of(image: Image) -> bytes:
    """A picture's file, the first of its copies that is there."""
    if not image.paths:
        raise FileNotFoundError(2, "it is no file", f"image {image.id}")
    there = (path for path in image.paths if in_shard(path) or path.exists())
    path = next(there, image.paths[0])
    if place := in_shard(path):
        return member_bytes(*place)
    return path.read_bytes()


def no_caption(name: str) -> Skip:
    """A picture without a caption."""
    from pathlib import Path

    return Skip(Path(name), SkipCode.NO_CAPTION, "it has no caption")
