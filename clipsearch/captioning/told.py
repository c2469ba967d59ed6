"""Hits with a caption each: their own, or one written on the spot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from clipsearch.caption_writing import CaptionWriter, Unwritten
from clipsearch.errors import UnreadableQueryImage
from clipsearch.images import decode_picture
from clipsearch.values import Caption, Hit, Image, Pixels, Preprocessing


def with_captions(hits: Sequence[Hit], captioner: Callable[[], CaptionWriter]) -> list[Hit]:
    """Give each hit without a caption one of the captioner's; nothing is kept.

    The captioner is opened only if it is needed. A picture that is no file, or cannot be read
    any more, stays without.
    """
    opened: list[CaptionWriter] = []
    found: list[Hit] = []
    for hit in hits:
        if hit.path is None or any(each.kind == "caption" for each in hit.image.captions):
            found.append(hit)
            continue
        opened = opened or [captioner()]
        pixels = pixels_of(hit.image, opened[0].preprocessing)
        (written,) = opened[0].write([pixels]) if pixels is not None else (None,)
        if written is None or isinstance(written, Unwritten):
            found.append(hit)
            continue
        own = (*hit.image.captions, Caption(written.text, opened[0].source))
        found.append(replace(hit, image=replace(hit.image, captions=own)))
    return found


def pixels_of(image: Image, preprocessing: Preprocessing) -> Pixels | None:
    """The picture at the first of its paths that can be read: uint8 [h, w, 3]."""
    for path in image.paths:
        try:
            return decode_picture(path, preprocessing).pixels
        except UnreadableQueryImage:
            continue
    return None
