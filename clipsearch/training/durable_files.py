"""Files that stand whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clipsearch.durable import sync_file, sync_folder


@contextmanager
def written_durably(target: Path) -> Iterator[Path]:
    """Give a path beside `target` to write to; move it into place when the block ends well."""
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        yield unfinished
        sync_file(unfinished)
        unfinished.replace(target)
        sync_folder(target.parent)
    finally:
        unfinished.unlink(missing_ok=True)
