"""The one door to captioned pictures, whatever form they come in."""

from __future__ import annotations

from pathlib import Path

from clipsearch.captions.captioned import CaptionedSet, gather
from clipsearch.captions.folders import folder_rows
from clipsearch.captions.tables import TABLES, table_rows
from clipsearch.captions.tars import shard_rows
from clipsearch.evaluation_errors import SourceUnreadable
from clipsearch.values import Skip


def read_captioned(
    source: Path, split: str | None = None, root: Path | None = None
) -> CaptionedSet:
    """Read a table (.csv, .tsv, .jsonl), a folder with sidecar captions or a webdataset .tar.

    Of a table only rows of `split` are taken, where it is given. Its pictures lie under `root`
    (default: beside the table), or in a tar of the table's name. Bad lines, captions without
    pictures and pictures without captions become skips. Raises SourceUnreadable.
    """
    skips: list[Skip] = []
    if source.is_dir():
        rows = folder_rows(source, skips)
    elif source.suffix.lower() in TABLES:
        rows = table_rows(source, split, root, skips)
    elif source.suffix.lower() == ".tar":
        rows = shard_rows(source, skips)
    else:
        kind = "of an unknown kind" if source.exists() else "not there"
        raise SourceUnreadable(str(source), f"it is {kind}")
    try:
        return gather(str(source), rows, skips)
    except OSError as error:
        raise SourceUnreadable(str(source), (error.strerror or str(error)).lower()) from error
