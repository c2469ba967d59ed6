"""The models that the installed open_clip knows, read from its source: no torch is imported."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

Known = Mapping[str, tuple[str, ...]]
"""From an architecture to the tags of its published weights."""

FindKnown = Callable[[], Known]


@cache
def known_models() -> Known:
    """Every architecture of open_clip with its tags; empty where open_clip is not installed."""
    found = importlib.util.find_spec("open_clip")
    if found is None or found.origin is None:
        return {}
    package = Path(found.origin).parent
    tags = _published_tags(package / "pretrained.py")
    architectures = {path.stem for path in (package / "model_configs").glob("*.json")}
    return {name: tags.get(name, ()) for name in sorted(architectures | set(tags))}


def _published_tags(source: Path) -> dict[str, tuple[str, ...]]:
    """The keys of `_PRETRAINED`, whose values are `dict(tag=...)` or names of such."""
    try:
        module = ast.parse(source.read_text(encoding="utf-8"))
    except (OSError, SyntaxError):
        return {}
    assigned = {
        target.id: statement.value
        for statement in module.body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }
    table = assigned.get("_PRETRAINED")
    if not isinstance(table, ast.Dict):
        return {}
    return {
        key.value: _tags(value, assigned)
        for key, value in zip(table.keys, table.values, strict=True)
        if isinstance(key, ast.Constant) and isinstance(key.value, str)
    }


def _tags(value: ast.expr, assigned: Mapping[str, ast.expr]) -> tuple[str, ...]:
    if isinstance(value, ast.Name):
        value = assigned.get(value.id, value)
    if isinstance(value, ast.Call):
        return tuple(keyword.arg for keyword in value.keywords if keyword.arg)
    if isinstance(value, ast.Dict):
        return tuple(
            key.value
            for key in value.keys
            if isinstance(key, ast.Constant) and isinstance(key.value, str)
        )
    return ()
