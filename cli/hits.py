"""Writes hits: a table for people, lines for pipes, JSON, CSV or paths for programs."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import clipsearch
from clipsearch.cli.asking import described
from clipsearch.cli.exits import DONE, NOTHING_FOUND, say
from clipsearch.cli.filters import refuse_unknown_places, why_nothing
from clipsearch.cli.options import Form
from clipsearch.cli.output import Output
from clipsearch.cli.quoting import quoted
from clipsearch.cli.records import (
    filter_record,
    hit_record,
    path_fields,
    print_json,
    shown_path,
    tower_record,
)
from clipsearch.cli.tables import print_csv, print_lines, print_table

COLUMNS = (
    *("rank", "score", "id", "path", "width", "height", "format"),
    *("taken", "camera", "latitude", "longitude", "distance_km"),
)
"""The columns of the CSV, each a field of the JSON of the same name."""


@dataclass(frozen=True, slots=True)
class Asking:
    """What a command asks of a collection."""

    command: str
    parts: Sequence[clipsearch.Words | clipsearch.Likeness]
    k: int
    min_score: float | None
    where: clipsearch.Filter
    explain: bool = False

    @property
    def title(self) -> str:
        """The parts in a few words."""
        return ", ".join(described(part) for part in self.parts)


def answer(asking: Asking, name: str, output: Output) -> int:
    """Ask the collection, write the hits, and return whether there were any."""
    query = clipsearch.Query(asking.parts, asking.k, asking.min_score, asking.where)
    with clipsearch.Collection(name) as collection:
        refuse_unknown_places(asking.where, collection)
        hits = collection.search(query)
        if output.form == "json":
            print_json(asking.command, _document(asking, collection, hits))
        else:
            print_hits(hits, output.form, asking.where.near)
        if output.html is not None:
            heats = _heats(asking, collection, hits) if asking.explain else {}
            write_page(output.html, [(asking.title, hits)], f"collection {name}", heats)
        if not hits:
            reason = why_nothing(asking.where, collection)
            say(f"nothing found: {reason}." if reason else "nothing found.")
    return DONE if hits else NOTHING_FOUND


def print_hits(
    hits: Sequence[clipsearch.Hit], form: Form | None, near: clipsearch.Near | None = None
) -> None:
    """Write hits in the form asked for."""
    if form in ("paths", "null"):
        print_paths((hit.path for hit in hits), form)
    elif form == "csv":
        print_csv(COLUMNS, ([hit_record(hit, near)[name] for name in COLUMNS] for hit in hits))
    elif sys.stdout.isatty():
        rows = ([str(hit.rank), f"{hit.score:.4f}", shown_path(hit.image)] for hit in hits)
        print_table([">rank", ">score", "path"], rows)
    else:
        print_lines([hit.rank, f"{hit.score:.4f}", shown_path(hit.image)] for hit in hits)


def print_paths(paths: Iterable[Path | None], form: Form) -> None:
    """Write paths only; what is no file has none and is left out."""
    for path in paths:
        if path is None:
            continue
        if form == "null":
            sys.stdout.buffer.write(os.fsencode(path) + b"\0")
        else:
            print(quoted(path))
    sys.stdout.flush()


def write_page(
    target: Path,
    rows: Sequence[tuple[str, Sequence[clipsearch.Hit]]],
    about: str,
    heats: Mapping[int, bytes] | None = None,
) -> None:
    """Write a gallery of hits, a row for each title."""
    from clipsearch.gallery import Row, write_gallery

    write_gallery(target, [Row(title, hits, heats or {}) for title, hits in rows], about)
    say(f"wrote {target}")


def _heats(
    asking: Asking, collection: clipsearch.Collection, hits: Sequence[clipsearch.Hit]
) -> dict[int, bytes]:
    """Where the query is in each hit; a picture that cannot be read any more has none."""
    from clipsearch.errors import UnreadableQueryImage
    from clipsearch.explanation import explain_embedding, heat_png
    from clipsearch.search import query_embedding

    tower = collection.tower
    embedding = query_embedding(asking.parts, tower)
    heats = {}
    for hit in hits:
        if hit.path is not None:
            with suppress(UnreadableQueryImage):
                found = explain_embedding(tower, hit.path, asking.title, embedding)
                heats[hit.image.id] = heat_png(found)
    return heats


def _document(
    asking: Asking, collection: clipsearch.Collection, hits: Sequence[clipsearch.Hit]
) -> dict[str, Any]:
    return {
        "collection": collection.name,
        "tower": tower_record(collection.tower.identity),
        "query": [_part_record(part) for part in asking.parts],
        "top": asking.k,
        "min_score": asking.min_score,
        "filter": filter_record(asking.where),
        "matched": len(hits),
        "hits": [hit_record(hit, asking.where.near) for hit in hits],
    }


def _part_record(part: clipsearch.Words | clipsearch.Likeness) -> dict[str, Any]:
    if isinstance(part, clipsearch.Words):
        return {"text": part.text, "weight": part.weight}
    path = part.picture if isinstance(part.picture, Path) else Path("-")
    return {"image": path_fields(path)["path"], "weight": part.weight}
