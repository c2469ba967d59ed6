"""From pairs to groups. Nothing is chained: each member is a pair with the one that is kept."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

Node = TypeVar("Node", bound=Hashable)


def stars(
    ranked: Sequence[Node], neighbours: Mapping[Node, Iterable[Node]]
) -> list[tuple[Node, list[Node]]]:
    """Groups of a graph: the first of `ranked` with its neighbours, then of the rest the same.

    Connected components would put the first and the last of a series into one group although
    they have nothing in common. Here every member has an edge to its group's first; every node
    is in one group at most. Groups and members stand in the order of `ranked`; nodes without
    neighbours are left out.
    """
    place = {node: at for at, node in enumerate(ranked)}
    taken: set[Node] = set()
    groups = []
    for node in ranked:
        if node in taken:
            continue
        found = {each for each in neighbours.get(node, ()) if each in place and each not in taken}
        found.discard(node)
        if found:
            taken |= found | {node}
            groups.append((node, sorted(found, key=place.__getitem__)))
    return groups
