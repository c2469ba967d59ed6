"""The house stands as it was planned: floors, rooms, packages, sizes."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

FLOORS = {
    "values": 0,
    "frozen": 0,
    "errors": 0,
    "wording": 0,
    "training_errors": 0,
    "migration_errors": 0,
    "evaluation_errors": 0,
    "exchange_errors": 0,
    "filters": 0,
    "paths": 0,
    "filter_texts": 0,
    "captioning_errors": 0,
    "server_errors": 0,
    "caption_writing": 0,
    "plain_text": 0,
    "durable": 0,
    "settings": 0,
    "lazy": 0,
    "processors": 0,
    "lock": 0,
    "refused": 0,
    "shards": 0,
    "images": 1,
    "catalogue": 1,
    "towers": 1,
    "measures": 1,
    "captions": 1,
    "calibration": 1,
    "servers": 1,
    "indexes": 1,
    "weights": 1,
    "ingest": 2,
    "search": 2,
    "duplicates": 2,
    "gallery": 2,
    "explanation": 2,
    "training": 2,
    "captioning": 2,
    "evaluation": 2,
    "exchange": 2,
    "caption_gain": 3,
    "collection": 3,
    "collection_reader": 3,
    "embedder": 3,
    "status": 3,
    "tower_choice": 3,
    "watching": 3,
    "cli": 4,
}
GROUND_AND_FACE = {0, 3}
TORCH_IS_ALLOWED = {"towers", "training", "captioning"}


def modules() -> Iterator[tuple[str, Path]]:
    """Every module of the product with the room it belongs to."""
    for path in sorted((ROOT / "clipsearch").rglob("*.py")):
        yield room_of(path.relative_to(ROOT / "clipsearch")), path
    for link in ("indexes", "cli"):
        for path in sorted((ROOT / link).rglob("*.py")):
            yield link, path


def room_of(path: Path) -> str:
    return path.parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> set[str]:
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
            if node.module == "clipsearch":
                names = [f"clipsearch.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        rooms |= {name.split(".")[1] for name in names if name.startswith("clipsearch.")}
    return rooms & set(FLOORS)


def test_every_room_is_in_the_plan() -> None:
    rooms = {room for room, _ in modules()} - {"__init__", "__main__"}
    assert rooms <= set(FLOORS), "a new room needs its floor here and in CONTRIBUTING"


def test_arrows_point_down_only() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {other}"
        for room, path in modules()
        if room in FLOORS
        for other in imported_rooms(path) - {room}
        if FLOORS[other] > FLOORS[room]
        or (FLOORS[other] == FLOORS[room] and FLOORS[room] not in GROUND_AND_FACE)
    ]
    assert not wrong


def test_torch_is_imported_only_where_towers_are_trained_or_exported() -> None:
    wrong = []
    for room, path in modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            heavy = {name.split(".")[0] for name in names} & {"torch", "open_clip", "timm"}
            if heavy and room not in TORCH_IS_ALLOWED:
                wrong.append(f"{path.relative_to(ROOT)} imports {heavy}")
    assert not wrong


def test_the_package_list_names_every_package_on_the_disk() -> None:
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    on_disk = {
        "clipsearch." + ".".join(path.parent.relative_to(ROOT / "clipsearch").parts)
        for path in (ROOT / "clipsearch").rglob("__init__.py")
    }
    linked = {f"clipsearch.{name}" for name in ("indexes", "cli")}
    named = set(setuptools["packages"])
    assert named == {name.rstrip(".") for name in on_disk} | linked


@pytest.mark.parametrize("link", ["indexes", "cli"])
def test_the_two_rooms_outside_are_linked_in(link: str) -> None:
    assert (ROOT / "clipsearch" / link).readlink() == Path("..") / link


def test_no_file_is_over_400_lines_and_no_function_over_60() -> None:
    long = []
    for _, path in modules():
        text = path.read_text(encoding="utf-8")
        if text.count("\n") > 400:
            long.append(str(path.relative_to(ROOT)))
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno >= 60:
                long.append(f"{path.relative_to(ROOT)}:{node.name}")
    assert not long
