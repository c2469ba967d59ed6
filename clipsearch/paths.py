"""Files and folders as programs and users name them, and as a catalogue does."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from clipsearch.errors import WrongArgument

AnyPath = str | os.PathLike[str]
Paths = AnyPath | Iterable[AnyPath]
"""One path, or several."""


def paths_of(given: Paths, name: str) -> list[Path]:
    """The paths that a program gave as `name`: one, or several. Raises WrongArgument."""
    if isinstance(given, (str, os.PathLike)):
        return [Path(given)]
    wanted = "a path or several"
    if not isinstance(given, Iterable):
        raise WrongArgument(name, wanted, given)
    found = list(given)
    for each in found:
        if not isinstance(each, (str, os.PathLike)):
            raise WrongArgument(name, wanted, each)
    return [Path(each) for each in found]


def root_of(path: Path) -> Path:
    """A root as the catalogue names it: absolute; a link to a file is the file."""
    absolute = path.expanduser().absolute()
    return absolute.resolve() if absolute.is_file() else absolute


def spellings(path: Path) -> list[Path]:
    """The paths under which a catalogue may know what lies at `path`."""
    absolute = path.expanduser().absolute()
    return list(dict.fromkeys([absolute, root_of(path)]))
