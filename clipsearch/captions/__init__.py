"""Reads captioned pictures: tables, folders with sidecar captions, webdataset tars."""

from clipsearch.captions.captioned import (
    CaptionedPicture,
    CaptionedSet,
    KnownEmbeddings,
    captioned_images,
    searched_images,
)
from clipsearch.captions.source import read_captioned

__all__ = [
    "CaptionedPicture",
    "CaptionedSet",
    "KnownEmbeddings",
    "captioned_images",
    "read_captioned",
    "searched_images",
]
