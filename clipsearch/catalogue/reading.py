"""What a collection's catalogue can be asked. Safe from several threads at once."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Engine,
    Select,
    and_,
    func,
    or_,
    select,
)

from clipsearch.catalogue.rows import (
    embeddings_from,
    image_info,
    path_bytes,
    path_from,
    skip_from,
)
from clipsearch.catalogue.schema import (
    caption_files,
    captions,
    embeddings,
    facts,
    files,
    images,
    roots,
    skips,
)
from clipsearch.values import Caption, Embeddings, Ids, Image, Skip, TowerIdentity

# SQLite takes 32,766 parameters a statement; short statements keep readers out of the way.
CHUNK = 5_000

Decode = Callable[[list[bytes], int], Embeddings]


def fact(connection: Connection, key: str) -> str | None:
    """One fact about the collection."""
    return connection.scalar(select(facts.c.value).where(facts.c.key == key))


def tower(connection: Connection) -> TowerIdentity:
    """Whose embeddings the catalogue holds."""
    return TowerIdentity(**json.loads(fact(connection, "tower") or "{}"))


def last_image_id(connection: Connection) -> int:
    """The largest image id ever given, also to images that were removed since; 0 if none."""
    found = connection.exec_driver_sql("SELECT seq FROM sqlite_sequence WHERE name = 'images'")
    return int(found.scalar() or 0)


def newest_id(connection: Connection) -> int:
    """The largest id of an image that can be found; 0 if there is none."""
    return int(connection.scalar(select(func.max(embeddings.c.image_id))) or 0)


def count_embeddings(connection: Connection) -> int:
    """How many images can be found."""
    return int(connection.scalar(select(func.count()).select_from(embeddings)) or 0)


def count_unembedded(connection: Connection) -> int:
    """How many images have no embedding; a whole catalogue has none."""
    query = select(func.count()).select_from(images.outerjoin(embeddings))
    return int(connection.scalar(query.where(embeddings.c.image_id.is_(None))) or 0)


def embeddings_after(connection: Connection, image_id: int, dim: int) -> tuple[Ids, Embeddings]:
    """The embeddings of all images with a larger id: int64 [n], float32 [n, dim]."""
    rows = connection.execute(_in_order(image_id)).all()
    return as_arrays(rows, dim)


def embedding_chunk(
    connection: Connection, after: int, dim: int, decode: Decode = embeddings_from
) -> tuple[Ids, Embeddings]:
    """The embeddings of the next images in the order of ids, few enough to keep memory flat."""
    rows = connection.execute(_in_order(after).limit(CHUNK)).all()
    return as_arrays(rows, dim, decode)


def embeddings_of(connection: Connection, ids: Sequence[int], dim: int) -> tuple[Ids, Embeddings]:
    """The embeddings of those ids that stand in the catalogue, in ascending order of id."""
    rows: list[Any] = []
    for part in _parts(sorted(set(ids))):
        query = select(embeddings.c.image_id, embeddings.c.embedding)
        rows += connection.execute(query.where(embeddings.c.image_id.in_(part))).all()
    return as_arrays(sorted(rows, key=lambda row: row.image_id), dim)


def images_of(connection: Connection, ids: Sequence[int]) -> dict[int, Image]:
    """The images of those ids that stand in the catalogue."""
    found: dict[int, Image] = {}
    for part in _parts(ids):
        paths = _grouped(connection, select(files.c.image_id, files.c.path), files, part)
        texts = _grouped(
            connection,
            select(
                captions.c.image_id, captions.c.text, captions.c.source, captions.c.kind
            ).order_by(captions.c.id),
            captions,
            part,
        )
        for row in connection.execute(select(images).where(images.c.id.in_(part))):
            found[row.id] = Image(
                id=row.id,
                info=image_info(row),
                paths=tuple(path_from(path) for (path,) in sorted(paths[row.id])),
                captions=tuple(dict.fromkeys(Caption(*caption) for caption in texts[row.id])),
                metadata=json.loads(row.metadata),
            )
    return found


def all_images(engine: Engine) -> Iterator[Image]:
    """Every image in the order of ids; images added meanwhile are met too."""
    last = 0
    while True:
        with engine.connect() as connection:
            query = select(images.c.id).where(images.c.id > last).order_by(images.c.id)
            ids = connection.scalars(query.limit(CHUNK)).all()
            found = images_of(connection, ids)
        if not ids:
            return
        yield from (found[image_id] for image_id in ids if image_id in found)
        last = ids[-1]


def images_in_turn(engine: Engine, ids: Sequence[int]) -> Iterator[Image]:
    """The images of those ids that stand in the catalogue, in the order of `ids`."""
    for part in _parts(ids):
        with engine.connect() as connection:
            found = images_of(connection, part)
        yield from (found[image_id] for image_id in part if image_id in found)


def ids_of_files(connection: Connection, paths: Iterable[Path]) -> Ids:
    """The ids of the images that lie at those paths or beneath them."""
    found: set[int] = set()
    for path in paths:
        query = select(files.c.image_id).where(beneath(files.c.path, path))
        found.update(connection.scalars(query))
    return np.array(sorted(found), dtype=np.int64)


def standing(connection: Connection, ids: Iterable[int]) -> set[int]:
    """Those of the ids that stand in the catalogue."""
    found: set[int] = set()
    for part in _parts(sorted(set(ids))):
        found.update(connection.scalars(select(images.c.id).where(images.c.id.in_(part))))
    return found


def knows(connection: Connection, path: Path) -> bool:
    """Whether anything at a path or beneath it is known: pictures, captions, what was given."""
    return any(
        connection.scalar(select(column).where(beneath(column, path)).limit(1)) is not None
        for column in (files.c.path, roots.c.path, skips.c.path, caption_files.c.path)
    )


def beneath(column: Column[bytes], path: Path) -> ColumnElement[bool]:
    """The condition that a path lies at `path` or beneath it."""
    exact = path_bytes(path)
    folder = exact.rstrip(b"/") + b"/"
    # every name beneath the folder sorts between 'folder/' and 'folder0'
    return or_(column == exact, and_(column >= folder, column < folder[:-1] + b"0"))


def count_images(connection: Connection) -> int:
    """How many images stand in the catalogue."""
    return int(connection.scalar(select(func.count()).select_from(images)) or 0)


def count_files(connection: Connection) -> int:
    """How many files are known, copies counted."""
    return int(connection.scalar(select(func.count()).select_from(files)) or 0)


def known_roots(connection: Connection, kind: str) -> list[Path]:
    """The folders that were given to index ('given'), or mounts met beneath them ('mount')."""
    query = select(roots.c.path).where(roots.c.kind == kind).order_by(roots.c.path)
    return [path_from(path) for path in connection.scalars(query)]


def exclusions(connection: Connection, root: Path) -> tuple[str, ...]:
    """The globs that were excluded when the root was last given."""
    query = select(roots.c.exclude).where(roots.c.path == path_bytes(root))
    return tuple(json.loads(connection.scalar(query) or "[]"))


def hidden_names(connection: Connection, root: Path) -> bool:
    """Whether names that begin with a dot were asked for when the root was last given."""
    query = select(roots.c.hidden).where(roots.c.path == path_bytes(root))
    return bool(connection.scalar(query))


def all_skips(connection: Connection) -> list[Skip]:
    """The images that were left out and still are, in the order of their paths."""
    return [skip_from(row) for row in connection.execute(select(skips).order_by(skips.c.path))]


def as_arrays(
    rows: Sequence[Any], dim: int, decode: Decode = embeddings_from
) -> tuple[Ids, Embeddings]:
    """Rows of image_id and embedding as arrays: int64 [n], float32 [n, dim]."""
    ids = np.array([row.image_id for row in rows], dtype=np.int64)
    return ids, decode([row.embedding for row in rows], dim)


def _in_order(after: int) -> Select[Any]:
    query = select(embeddings.c.image_id, embeddings.c.embedding)
    return query.where(embeddings.c.image_id > after).order_by(embeddings.c.image_id)


def _grouped(
    connection: Connection, query: Select[Any], table: Any, part: Sequence[int]
) -> defaultdict[int, list[tuple[Any, ...]]]:
    grouped: defaultdict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for image_id, *rest in connection.execute(query.where(table.c.image_id.in_(part))):
        grouped[image_id].append(tuple(rest))
    return grouped


def _parts(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), CHUNK):
        yield [int(image_id) for image_id in ids[start : start + CHUNK]]
