"""What changes a catalogue. Each function works inside the caller's transaction."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, bindparam, delete, select
from sqlalchemy.dialects.sqlite import insert

from clipsearch.catalogue import reading
from clipsearch.catalogue.conditions import beneath
from clipsearch.catalogue.rows import embedding_bytes, image_row, path_bytes, storable
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
from clipsearch.values import Caption, Embeddings, FoundFile, ImageInfo, Removed, Skip

# What every image asks for is made once: making a statement takes longer than running it.
_insert_file = insert(files)
_PUT_FILE = _insert_file.on_conflict_do_update(
    index_elements=["path"],
    set_={name: _insert_file.excluded[name] for name in ("image_id", "size", "mtime_ns")},
)
_IMAGE_WITH = select(images.c.id).where(images.c.fingerprint == bindparam("fingerprint"))
_INSERT_IMAGE = insert(images)
_INSERT_EMBEDDING = insert(embeddings)
_FORGET_SKIP = delete(skips).where(skips.c.path == bindparam("path"))


def set_fact(connection: Connection, key: str, value: str) -> None:
    """Write one fact about the collection."""
    statement = insert(facts).values(key=key, value=value)
    connection.execute(
        statement.on_conflict_do_update(index_elements=["key"], set_={"value": value})
    )


def image_with(connection: Connection, fingerprint: bytes) -> int | None:
    """The id of the image with that content."""
    found: int | None = connection.scalar(_IMAGE_WITH, {"fingerprint": fingerprint})
    return found


def insert_image(connection: Connection, info: ImageInfo, embedding: Embeddings) -> int:
    """Put in an image with its embedding [d]; a content that stands already keeps its id."""
    known = image_with(connection, info.fingerprint)
    if known is not None:
        return known
    image_id = int(connection.execute(_INSERT_IMAGE, image_row(info, {})).lastrowid)
    row = {"image_id": image_id, "embedding": embedding_bytes(embedding)}
    connection.execute(_INSERT_EMBEDDING, row)
    return image_id


def keep_image(connection: Connection, image_id: int, metadata: Mapping[str, Any]) -> None:
    """Say that an image stays although no file holds it, with what a program says of it."""
    held = connection.scalar(select(images.c.metadata).where(images.c.id == image_id))
    merged = json.loads(held or "{}") | dict(metadata)
    connection.execute(
        images.update()
        .where(images.c.id == image_id)
        .values(kept=1, metadata=json.dumps(merged, ensure_ascii=False))
    )


def add_captions(connection: Connection, image_id: int, texts: Sequence[Caption]) -> int:
    """Put in captions that the image does not have yet; returns how many these are."""
    if not texts:
        return 0
    query = select(captions.c.text, captions.c.source, captions.c.kind)
    rows = connection.execute(query.where(captions.c.image_id == image_id))
    held = {Caption(*row) for row in rows}
    new = [caption for caption in dict.fromkeys(map(storable, texts)) if caption not in held]
    for caption in new:
        connection.execute(insert(captions).values({"image_id": image_id, **asdict(caption)}))
    return len(new)


def remove_captions_of(connection: Connection, image_id: int, source: str) -> None:
    """Drop an image's captions of one source."""
    own = captions.c.source == source
    connection.execute(delete(captions).where(captions.c.image_id == image_id, own))


def remove_captions(connection: Connection, image_id: int, kept: str, begun: str) -> None:
    """Drop an image's captions whose source begins like that, but for those of the source kept."""
    likewise = captions.c.source.startswith(begun, autoescape=True) & (captions.c.source != kept)
    connection.execute(delete(captions).where(captions.c.image_id == image_id, likewise))


def put_file(connection: Connection, file: FoundFile, image_id: int) -> None:
    """Say that a file holds an image, whatever it held before."""
    row = {
        "path": path_bytes(file.path),
        "image_id": image_id,
        "size": file.size,
        "mtime_ns": file.mtime_ns,
    }
    connection.execute(_PUT_FILE, row)
    connection.execute(_FORGET_SKIP, {"path": row["path"]})


def put_skip(connection: Connection, skip: Skip, file: FoundFile | None) -> None:
    """Record that an image was left out; a file that held another image holds none now."""
    row = {
        "path": path_bytes(skip.path),
        "code": skip.code.value,
        "reason": skip.reason,
        "size": file.size if file else None,
        "mtime_ns": file.mtime_ns if file else None,
    }
    statement = insert(skips).values(row)
    connection.execute(statement.on_conflict_do_update(index_elements=["path"], set_=row))
    if file and not skip.code.worth_retrying:
        connection.execute(delete(files).where(files.c.path == row["path"]))


def remember_root(
    connection: Connection, path: Path, exclude: Sequence[str], *, hidden: bool
) -> None:
    """Remember a folder that was given, with what to leave out of it and whether hidden names."""
    row = {
        "path": path_bytes(path),
        "kind": "given",
        "exclude": json.dumps(list(exclude)),
        "hidden": int(hidden),
    }
    statement = insert(roots).values(row)
    connection.execute(statement.on_conflict_do_update(index_elements=["path"], set_=row))


def remember_mount(connection: Connection, path: Path) -> None:
    """Remember a disk that was met beneath a given folder; a folder given stays one."""
    statement = insert(roots).values({"path": path_bytes(path), "kind": "mount"})
    connection.execute(statement.on_conflict_do_nothing())


def forget_roots(connection: Connection, paths: Iterable[Path]) -> None:
    """Forget folders that are gone for good."""
    for path in paths:
        connection.execute(delete(roots).where(roots.c.path == path_bytes(path)))


def remove(connection: Connection, ids: Iterable[int], under: Sequence[Path]) -> Removed:
    """Take out images by id, and files, roots and captions by place.

    An image that also lies elsewhere stays, unless it is named by its id.
    """
    before = reading.count_images(connection)
    gone: Counter[str] = Counter()
    holding: list[int] = []
    for path in under:
        here = beneath(files.c.path, path)
        holding += connection.scalars(select(files.c.image_id).where(here))
        connection.execute(delete(files).where(here))
        gone["skips"] += _delete_beneath(connection, skips, path)
        gone["folders"] += _delete_beneath(connection, roots, path, roots.c.kind == "given")
        _delete_beneath(connection, roots, path)
        own = beneath(captions.c.file, path)
        gone["captions"] += connection.execute(delete(captions).where(own)).rowcount
        table = caption_files.c.kind == "table"
        gone["tables"] += _delete_beneath(connection, caption_files, path, table)
        _delete_beneath(connection, caption_files, path)
    for image_id in ids:
        connection.execute(delete(images).where(images.c.id == int(image_id)))
    remove_unheld_images(connection)
    stay = reading.standing(connection, holding)
    copies = sum(image_id in stay for image_id in holding)
    return Removed(before - reading.count_images(connection), copies, **gone)


def _delete_beneath(
    connection: Connection, table: Table, path: Path, *conditions: ColumnElement[bool]
) -> int:
    """Delete the rows of a table whose path lies at or beneath `path`; returns how many."""
    here = beneath(table.c.path, path)
    return connection.execute(delete(table).where(here, *conditions)).rowcount


def remove_unheld_images(connection: Connection) -> int:
    """Take out the images that no file holds and no program added; returns how many."""
    held = select(files.c.image_id).where(files.c.image_id == images.c.id).exists()
    done = connection.execute(delete(images).where(~held, images.c.kept == 0))
    return done.rowcount
