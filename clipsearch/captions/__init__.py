"""Reads captioned pictures: tables, folders with sidecar captions, webdataset tars."""

from clipsearch.captions.captioned import CaptionedPicture, CaptionedSet, captioned_images
from clipsearch.captions.source import read_captioned

__all__ = ["CaptionedPicture", "CaptionedSet", "captioned_images", "read_captioned"]
