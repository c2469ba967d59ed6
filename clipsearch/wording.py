"""How messages and the commands in them name collections and towers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clipsearch.values import TowerIdentity


def collection_flag(name: str) -> str:
    """How a command names the collection, where it must: ` -c NAME`."""
    return "" if name == "default" else f" -c {name}"


def tower_flags(tower: TowerIdentity) -> str:
    """How a command names a tower, with its precision where that is a lower one."""
    lower = f" --precision {tower.precision}" if tower.precision != "fp32" else ""
    return f"--model {tower.name}{lower}"


def described_tower(tower: TowerIdentity) -> str:
    """A tower in a message."""
    return f"{tower.name} ({tower.dim}-d, {tower.precision}, {tower.digest[:8]})"


def way_to_fp32(tower: str, collection: str | None) -> str:
    """What to do where a lower precision is refused, for a collection that has it or a new one."""
    if collection is None:
        return "Use `--precision fp32`."
    return (
        f"Take the collection over with `clipsearch migrate{collection_flag(collection)} --model "
        f"{tower} --precision fp32`, or index into another one with `--collection NAME`."
    )
