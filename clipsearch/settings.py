"""Where things live on this machine."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from clipsearch.errors import BadCollectionName

DEFAULT_COLLECTION = "default"
GENERATIONS = "generations"
"""The folder of a collection's folder that holds its index generations."""
CAPTION_GENERATIONS = "caption-generations"
"""The same for the indexes of its captions."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def default_home(environment: Mapping[str, str] = os.environ) -> Path:
    """CLIPSEARCH_HOME, else the platform's data folder for clipsearch."""
    if named := environment.get("CLIPSEARCH_HOME"):
        return Path(named).expanduser().absolute()
    import platformdirs

    return Path(platformdirs.user_data_dir("clipsearch", appauthor=False))


def collections_folder(home: Path) -> Path:
    """The folder that holds a folder for each collection."""
    return home / "collections"


def collection_folder(home: Path, name: str) -> Path:
    """The folder of one collection; BadCollectionName if the name cannot be one."""
    if not _NAME.fullmatch(name):
        raise BadCollectionName(name)
    return collections_folder(home) / name


def tower_cache(home: Path) -> Path:
    """The folder of towers exported to ONNX, and of what was made ready or found out of towers."""
    return home / "towers"
