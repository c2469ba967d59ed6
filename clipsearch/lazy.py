"""A package's public names, loaded at their first use: a program pays only for what it touches."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module


def first_use(package: str, homes: Mapping[str, str]) -> Callable[[str], object]:
    """The `__getattr__` of `package` (PEP 562), whose names have these homes (`.module`)."""

    def load(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value: object = getattr(import_module(homes[name], package), name)
        setattr(sys.modules[package], name, value)
        return value

    return load
