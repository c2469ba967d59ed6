"""Where the built-in towers lie, and what they are called."""

from __future__ import annotations

from pathlib import Path

BUILTIN = "builtin"
BUILTIN_FOLDER = Path(__file__).resolve().parent.parent / "weights"


def is_builtin(name: str) -> bool:
    """Whether a name is that of the built-in towers, of any version: `builtin`, `builtin-1`."""
    word, _, version = name.strip().lower().partition("-")
    return word == BUILTIN and (not version or version.isdecimal())
