"""Filters as SQL conditions, built by SQLAlchemy's Core and asked of any connection as text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import (
    Column,
    ColumnElement,
    Select,
    and_,
    case,
    false,
    func,
    not_,
    or_,
    select,
    true,
)
from sqlalchemy.dialects import sqlite

from clipsearch.catalogue import reading
from clipsearch.catalogue.connections import Answer, Reading
from clipsearch.catalogue.rows import bounds
from clipsearch.catalogue.schema import captions, files, images
from clipsearch.filters import Filter, MetadataIs, MinSize, Near, Scalar, format_named
from clipsearch.paths import Paths, paths_of
from clipsearch.values import Ids

_LARGEST = 2**63 - 1
"""SQLite's integers have 64 bits; JSON's larger ones are kept as floats."""

_FEW_PLACES = 50
"""SQLite takes expressions 1,000 levels deep; more places than these are looked up one by one."""

_DIALECT = sqlite.dialect(paramstyle="named")


def passing(connection: Reading, where: Filter) -> Ids | None:
    """The ids of the images that pass, int64 [n] ascending; None where all are allowed."""
    conditions = list(_conditions(connection, where))
    if where.near is not None:
        return _ids_near(connection, where.near, conditions)
    if not conditions:
        return None
    query = select(images.c.id).where(*conditions).order_by(images.c.id)
    return np.array(_ask(connection, query).scalars().all(), np.int64)


def beneath(column: Column[bytes], path: Path) -> ColumnElement[bool]:
    """The condition that a path lies at `path` or beneath it."""
    exact, first, last = bounds(path)
    return or_(column == exact, and_(column >= first, column < last))


def _ask(connection: Reading, query: Select[Any]) -> Answer:
    said = query.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
    return connection.exec_driver_sql(str(said), dict(said.params))


def _conditions(connection: Reading, where: Filter) -> Iterator[ColumnElement[bool]]:
    if where.ids is not None:
        yield images.c.id.in_(_values([int(image_id) for image_id in where.ids]))
    if where.under is not None:
        yield _lies_beneath(connection, where.under)
    if where.not_under:
        yield not_(_lies_beneath(connection, where.not_under))
    # `taken` is ISO 8601 in the camera's own time: it sorts as text, whatever zone follows it
    if where.after is not None:
        yield images.c.taken >= where.after.isoformat()
    if where.before is not None:
        yield images.c.taken < where.before.isoformat()
    if where.formats is not None:
        yield images.c.format.in_([format_named(name) for name in where.formats])
    if where.not_formats:
        yield images.c.format.not_in([format_named(name) for name in where.not_formats])
    if where.cameras is not None:
        yield images.c.camera.in_(_values(_cameras(connection, where.cameras)))
    if where.not_cameras:
        excluded = images.c.camera.in_(_values(_cameras(connection, where.not_cameras)))
        yield or_(images.c.camera.is_(None), not_(excluded))
    if where.min_size is not None:
        yield _at_least(where.min_size)
    if where.has_caption is not None:
        captioned = select(captions.c.image_id).where(captions.c.kind == "caption")
        yield images.c.id.in_(captioned) if where.has_caption else images.c.id.not_in(captioned)
    yield from map(_metadata_is, where.metadata)


def _values(values: Sequence[Any]) -> Any:
    """Any number of values as the one parameter that SQLite's limit leaves for them."""
    listed = func.json_each(json.dumps(values)).table_valued("value")
    return select(listed.c.value)


def _lies_beneath(connection: Reading, paths: Paths) -> ColumnElement[bool]:
    places = [path.absolute() for path in paths_of(paths, "under")]
    if not 0 < len(places) <= _FEW_PLACES:
        return images.c.id.in_(_values(reading.ids_of_files(connection, places).tolist()))
    within = or_(*(beneath(files.c.path, place) for place in places))
    return images.c.id.in_(select(files.c.image_id).where(within))


def _cameras(connection: Reading, parts: Sequence[str]) -> list[str]:
    """The cameras whose name holds one of the parts, in any case and any script."""
    wanted = [part.strip().casefold() for part in parts]
    known = _ask(connection, select(images.c.camera).distinct()).scalars()
    return [name for name in known if name and any(part in name.casefold() for part in wanted)]


def _at_least(size: MinSize) -> ColumnElement[bool]:
    pixels = images.c.width * images.c.height
    conditions = [images.c.width >= size.width, images.c.height >= size.height]
    return and_(*conditions, pixels >= size.megapixels * 1e6)


def _metadata_is(wanted: MetadataIs) -> ColumnElement[bool]:
    nested = "$" + "".join(f'."{part}"' for part in wanted.key.split("."))
    paths = dict.fromkeys((nested, f'$."{wanted.key}"'))
    found = or_(*(_holds(path, wanted.values) for path in paths))
    # most images have no metadata at all, which is quicker told than parsed
    known = and_(images.c.metadata != "{}", func.json_valid(images.c.metadata) == 1)
    held = case((known, found), else_=false())
    return not_(held) if wanted.negated else held


def _holds(path: str, values: Sequence[Scalar]) -> Any:
    """What stands at a path is one of the values, or a list with one of them; never NULL."""
    item = func.json_each(images.c.metadata, path).table_valued("type", "atom")
    of_list = case(_is_one_of(item.c.atom, values), value=item.c.type, else_=false())
    kinds = _is_one_of(func.json_extract(images.c.metadata, path), values)
    kinds["array"] = select(item.c.type).where(of_list).exists()
    return case(kinds, value=func.json_type(images.c.metadata, path), else_=false())


def _is_one_of(found: Any, values: Sequence[Scalar]) -> dict[str, Any]:
    """For each kind of JSON value the condition that `found`, of that kind, is one of them."""
    texts = [value for value in values if isinstance(value, str)]
    numbers = [
        value if abs(value) <= _LARGEST else float(value)
        for value in values
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    ]
    constants = {"true": True, "false": False, "null": None}
    return {
        "text": found.in_(texts),
        **dict.fromkeys(("integer", "real"), found.in_(numbers)),
        **{
            kind: true() if any(value is constant for value in values) else false()
            for kind, constant in constants.items()
        },
    }


def _ids_near(connection: Reading, near: Near, conditions: Sequence[ColumnElement[bool]]) -> Ids:
    """SQL cuts out the belt of latitudes, for which there is an index; then each is measured."""
    south, north = near.latitudes
    belt = images.c.latitude.between(south, north)
    query = select(images.c.id, images.c.latitude, images.c.longitude)
    rows = _ask(connection, query.where(belt, *conditions).order_by(images.c.id)).all()
    if not rows:
        return np.empty(0, np.int64)
    ids, latitudes, longitudes = zip(*rows, strict=True)
    return np.array(ids, np.int64)[near.distances_km(latitudes, longitudes) <= near.km]
