"""What a collection's catalogue can be asked. Safe from several threads at once."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np

from clipsearch.catalogue.connections import Reader, Reading
from clipsearch.catalogue.rows import (
    bounds,
    embeddings_from,
    image_info,
    path_bytes,
    path_from,
    skip_from,
)
from clipsearch.values import Caption, Embeddings, Ids, Image, Skip, TowerIdentity

CHUNK = 5_000
"""So many ids a statement: short statements keep readers out of the way."""
AMONG = "IN (SELECT value FROM json_each(?))"
"""Any number of ids as one parameter (`listed`); SQLite takes 32,766 parameters a statement."""

BENEATH = "(path = ? OR (path >= ? AND path < ?))"
"""The condition that a path lies at a place or beneath it (`rows.bounds`)."""

_IN_ORDER = (
    "SELECT image_id, embedding FROM embeddings WHERE image_id > ? ORDER BY image_id LIMIT ?"
)
_IMAGES = f"SELECT * FROM images WHERE id {AMONG}"
_PATHS = f"SELECT image_id, path FROM files WHERE image_id {AMONG}"
_TEXTS = f"SELECT image_id, text, source, kind FROM captions WHERE image_id {AMONG} ORDER BY id"

Opened = Callable[[], AbstractContextManager[Reader]]
Decode = Callable[[list[bytes], int], Embeddings]


def fact(connection: Reading, key: str) -> str | None:
    """One fact about the collection."""
    found = connection.exec_driver_sql("SELECT value FROM facts WHERE key = ?", (key,)).scalar()
    return None if found is None else str(found)


def tower(connection: Reading) -> TowerIdentity:
    """Whose embeddings the catalogue holds."""
    return TowerIdentity(**json.loads(fact(connection, "tower") or "{}"))


def last_image_id(connection: Reading) -> int:
    """The largest image id ever given, also to images that were removed since; 0 if none."""
    return _count(connection, "SELECT seq FROM sqlite_sequence WHERE name = 'images'")


def newest_id(connection: Reading) -> int:
    """The largest id of an image that can be found; 0 if there is none."""
    return _count(connection, "SELECT max(image_id) FROM embeddings")


def count_embeddings(connection: Reading) -> int:
    """How many images can be found."""
    return _count(connection, "SELECT count(*) FROM embeddings")


def count_unembedded(connection: Reading) -> int:
    """How many images have no embedding; a whole catalogue has none."""
    query = "SELECT count(*) FROM images WHERE id NOT IN (SELECT image_id FROM embeddings)"
    return _count(connection, query)


def embeddings_after(connection: Reading, image_id: int, dim: int) -> tuple[Ids, Embeddings]:
    """The embeddings of all images with a larger id: int64 [n], float32 [n, dim]."""
    rows = connection.exec_driver_sql(_IN_ORDER, (image_id, -1)).all()
    return as_arrays(rows, dim)


def embedding_chunk(
    connection: Reading, after: int, dim: int, decode: Decode = embeddings_from
) -> tuple[Ids, Embeddings]:
    """The embeddings of the next images in the order of ids, few enough to keep memory flat."""
    rows = connection.exec_driver_sql(_IN_ORDER, (after, CHUNK)).all()
    return as_arrays(rows, dim, decode)


def embeddings_of(connection: Reading, ids: Sequence[int], dim: int) -> tuple[Ids, Embeddings]:
    """The embeddings of those ids that stand in the catalogue, in ascending order of id."""
    rows: list[Any] = []
    query = f"SELECT image_id, embedding FROM embeddings WHERE image_id {AMONG} ORDER BY image_id"
    for part in _parts(sorted(set(ids))):
        rows += connection.exec_driver_sql(query, listed(part)).all()
    return as_arrays(rows, dim)


def images_of(connection: Reading, ids: Sequence[int]) -> dict[int, Image]:
    """The images of those ids that stand in the catalogue."""
    found: dict[int, Image] = {}
    for part in _parts(ids):
        paths = _grouped(connection, _PATHS, part)
        texts = _grouped(connection, _TEXTS, part)
        for row in connection.exec_driver_sql(_IMAGES, listed(part)):
            found[row.id] = Image(
                id=row.id,
                info=image_info(row),
                paths=tuple(path_from(path) for (path,) in sorted(paths[row.id])),
                captions=tuple(dict.fromkeys(Caption(*caption) for caption in texts[row.id])),
                metadata=json.loads(row.metadata),
            )
    return found


def all_images(opened: Opened) -> Iterator[Image]:
    """Every image in the order of ids; images added meanwhile are met too."""
    last = 0
    while True:
        with opened() as connection:
            query = "SELECT id FROM images WHERE id > ? ORDER BY id LIMIT ?"
            ids = connection.exec_driver_sql(query, (last, CHUNK)).scalars().all()
            found = images_of(connection, ids)
        if not ids:
            return
        yield from (found[image_id] for image_id in ids if image_id in found)
        last = ids[-1]


def images_in_turn(opened: Opened, ids: Sequence[int]) -> Iterator[Image]:
    """The images of those ids that stand in the catalogue, in the order of `ids`."""
    for part in _parts(ids):
        with opened() as connection:
            found = images_of(connection, part)
        yield from (found[image_id] for image_id in part if image_id in found)


def ids_of_files(connection: Reading, paths: Iterable[Path]) -> Ids:
    """The ids of the images that lie at those paths or beneath them."""
    found: set[int] = set()
    for path in paths:
        query = f"SELECT image_id FROM files WHERE {BENEATH}"
        found.update(connection.exec_driver_sql(query, bounds(path)).scalars())
    return np.array(sorted(found), dtype=np.int64)


def standing(connection: Reading, ids: Iterable[int]) -> set[int]:
    """Those of the ids that stand in the catalogue."""
    found: set[int] = set()
    query = f"SELECT id FROM images WHERE id {AMONG}"
    for part in _parts(sorted(set(ids))):
        found.update(connection.exec_driver_sql(query, listed(part)).scalars())
    return found


def knows(connection: Reading, path: Path) -> bool:
    """Whether anything at a path or beneath it is known: pictures, captions, what was given."""
    return any(
        connection.exec_driver_sql(
            f"SELECT 1 FROM {table} WHERE {BENEATH} LIMIT 1", bounds(path)
        ).first()
        for table in ("files", "roots", "skips", "caption_files")
    )


def count_images(connection: Reading) -> int:
    """How many images stand in the catalogue."""
    return _count(connection, "SELECT count(*) FROM images")


def count_files(connection: Reading) -> int:
    """How many files are known, copies counted."""
    return _count(connection, "SELECT count(*) FROM files")


def known_roots(connection: Reading, kind: str) -> list[Path]:
    """The folders that were given to index ('given'), or mounts met beneath them ('mount')."""
    query = "SELECT path FROM roots WHERE kind = ? ORDER BY path"
    return [path_from(path) for path in connection.exec_driver_sql(query, (kind,)).scalars()]


def exclusions(connection: Reading, root: Path) -> tuple[str, ...]:
    """The globs that were excluded when the root was last given."""
    query = "SELECT exclude FROM roots WHERE path = ?"
    held = connection.exec_driver_sql(query, (path_bytes(root),)).scalar()
    return tuple(json.loads(held or "[]"))


def hidden_names(connection: Reading, root: Path) -> bool:
    """Whether names that begin with a dot were asked for when the root was last given."""
    query = "SELECT hidden FROM roots WHERE path = ?"
    return bool(connection.exec_driver_sql(query, (path_bytes(root),)).scalar())


def all_skips(connection: Reading) -> list[Skip]:
    """The images that were left out and still are, in the order of their paths."""
    query = "SELECT path, code, reason FROM skips ORDER BY path"
    return [skip_from(row) for row in connection.exec_driver_sql(query)]


def integrity_faults(connection: Reading) -> list[str]:
    """What SQLite finds wrong with the file and its references; empty when all is well."""
    rows = connection.exec_driver_sql("PRAGMA integrity_check(20)").scalars().all()
    faults = [str(row) for row in rows if row != "ok"]
    if not faults and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
        faults.append("rows refer to images that are not there")
    return faults


def as_arrays(
    rows: Sequence[Any], dim: int, decode: Decode = embeddings_from
) -> tuple[Ids, Embeddings]:
    """Rows of image_id and embedding as arrays: int64 [n], float32 [n, dim]."""
    ids = np.array([row.image_id for row in rows], dtype=np.int64)
    return ids, decode([row.embedding for row in rows], dim)


def listed(ids: Sequence[int]) -> tuple[str]:
    """Ids as the one parameter that `AMONG` takes."""
    return (json.dumps([int(each) for each in ids]),)


def _count(connection: Reading, query: str) -> int:
    return int(connection.exec_driver_sql(query).scalar() or 0)


def _grouped(
    connection: Reading, query: str, part: Sequence[int]
) -> defaultdict[int, list[tuple[Any, ...]]]:
    grouped: defaultdict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for image_id, *rest in connection.exec_driver_sql(query, listed(part)):
        grouped[image_id].append(tuple(rest))
    return grouped


def _parts(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), CHUNK):
        yield ids[start : start + CHUNK]
