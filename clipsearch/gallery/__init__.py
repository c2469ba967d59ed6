"""Hits in, one self-contained HTML page out: no script, nothing fetched, nothing foreign run."""

from clipsearch.gallery.page import Row, gallery_page, write_gallery

__all__ = ["Row", "gallery_page", "write_gallery"]
