"""Hits with a caption each: their own, or one written on the spot."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from clipsearch.caption_writing import CaptionWriter, Unwritten
from clipsearch.errors import ClipsearchError, UnreadableQueryImage
from clipsearch.images import decode_picture
from clipsearch.values import Caption, Hit, Image, Pixels, Preprocessing, Skip, SkipCode

CANNOT_BE_READ = "it cannot be read any more"


@dataclass(frozen=True, slots=True)
class Told:
    """All the hits, with the captions that could be had, and the pictures that have none."""

    hits: list[Hit]
    failed: tuple[Skip, ...]


def with_captions(hits: Sequence[Hit], captioner: Callable[[], CaptionWriter]) -> Told:
    """Give each hit without a caption one of the captioner's; nothing is kept.

    The captioner is opened only if it is needed. Where it fails, what was written until then
    stays, and it is asked no more. A picture that is no file stays without.
    """
    bare = [hit for hit in hits if hit.path is not None and _caption(hit) is None]
    if not bare:
        return Told(list(hits), ())
    writer = captioner()
    told: dict[int, Caption] = {}
    failed: list[Skip] = []
    for hit, said in _written(bare, writer):
        if isinstance(said, str):
            told[hit.image.id] = Caption(said, writer.source)
        elif hit.path is not None:
            failed.append(Skip(hit.path, SkipCode.NO_CAPTION, said.reason))
    return Told([_with(hit, told.get(hit.image.id)) for hit in hits], tuple(failed))


def _written(hits: Sequence[Hit], writer: CaptionWriter) -> Iterator[tuple[Hit, str | Unwritten]]:
    """Each hit with its caption, as many at once as the captioner takes."""
    for start in range(0, len(hits), writer.batch):
        batch = hits[start : start + writer.batch]
        pixels = [pixels_of(hit.image, writer.preprocessing) for hit in batch]
        try:
            written = iter(writer.write([each for each in pixels if each is not None]))
        except ClipsearchError as error:  # no further picture would have a caption either
            yield from ((hit, Unwritten(str(error))) for hit in hits[start:])
            return
        for hit, each in zip(batch, pixels, strict=True):
            said = Unwritten(CANNOT_BE_READ) if each is None else next(written)
            yield hit, said if isinstance(said, Unwritten) else said.text


def _with(hit: Hit, caption: Caption | None) -> Hit:
    if caption is None:
        return hit
    return replace(hit, image=replace(hit.image, captions=(*hit.image.captions, caption)))


def _caption(hit: Hit) -> Caption | None:
    return next((each for each in hit.image.captions if each.kind == "caption"), None)


def pixels_of(image: Image, preprocessing: Preprocessing) -> Pixels | None:
    """The picture at the first of its paths that can be read: uint8 [h, w, 3]."""
    for path in image.paths:
        try:
            return decode_picture(path, preprocessing).pixels
        except UnreadableQueryImage:
            continue
    return None
