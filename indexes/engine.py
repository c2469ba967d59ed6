"""FAISS, loaded when it is first needed."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def loaded_faiss() -> Any:
    """Return the module `faiss`; the first call takes some 45 ms.

    It is untyped here: its stubs do not know what its Python side adds to the C++ classes.
    """
    return import_module("faiss")
