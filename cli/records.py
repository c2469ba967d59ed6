"""Images and hits as plain values for JSON and CSV. The fields are documented and only grow."""

from __future__ import annotations

import base64
import dataclasses
import json
import math
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clipsearch.cli.quoting import quoted

if TYPE_CHECKING:
    from clipsearch.filters import Filter, Near
    from clipsearch.values import Hit, Image, Signals, Skip, TowerIdentity

SCHEMA_VERSION = 2
"""Grows when a field changes its meaning or goes; new fields do not change it."""


def print_json(command: str, fields: Mapping[str, Any]) -> None:
    """Write one JSON object, in ASCII: nothing in it can disturb a terminal."""
    document = {"schema_version": SCHEMA_VERSION, "command": command, **fields}
    sys.stdout.write(json.dumps(document, indent=2, allow_nan=False) + "\n")


def path_fields(path: Path | None) -> dict[str, str | None]:
    """`path` as text; `path_base64` has its bytes where they are no UTF-8, else null.

    In such a `path` each byte that is no UTF-8 is U+FFFD.
    """
    if path is None:
        return {"path": None, "path_base64": None}
    exact = os.fsencode(path)
    try:
        return {"path": exact.decode(), "path_base64": None}
    except UnicodeDecodeError:
        encoded = base64.b64encode(exact).decode("ascii")
        return {"path": exact.decode(errors="replace"), "path_base64": encoded}


def path_list_fields(name: str, paths: Sequence[Path]) -> dict[str, list[str | None] | None]:
    """Several paths under `name`; `name_base64` has a list beside it where one is no UTF-8."""
    fields = [path_fields(path) for path in paths]
    encoded = [each["path_base64"] for each in fields]
    return {
        name: [each["path"] for each in fields],
        f"{name}_base64": encoded if any(encoded) else None,
    }


def image_record(image: Image, near: Near | None = None) -> dict[str, Any]:
    """All that is known of an image, and how far it is from the place that was asked for."""
    info = image.info
    return {
        "id": image.id,
        **path_fields(image.path),
        **path_list_fields("paths", image.paths),
        "width": info.width,
        "height": info.height,
        "bytes": info.bytes,
        "format": info.format,
        "taken": info.taken.isoformat() if info.taken else None,
        "camera": info.camera,
        "latitude": info.latitude,
        "longitude": info.longitude,
        "distance_km": distance_km(image, near),
        "captions": [
            {"text": caption.text, "source": caption.source, "kind": caption.kind}
            for caption in image.captions
        ],
        "metadata": dict(image.metadata),
    }


def distance_km(image: Image, near: Near | None) -> float | None:
    """How far an image is from the place that was asked for, where both are known."""
    info = image.info
    if near is None or info.latitude is None or info.longitude is None:
        return None
    return round(float(near.distances_km(info.latitude, info.longitude)), 3)


def hit_record(hit: Hit, near: Near | None = None) -> dict[str, Any]:
    """A hit: its rank, scores and probability, what they rest on, and its image."""
    return {
        "rank": hit.rank,
        "score": _number(hit.score),
        "rank_score": _number(hit.rank_score),
        "probability": None if hit.probability is None else round(hit.probability, 4),
        "signals": _signals_record(hit.signals),
        **image_record(hit.image, near),
    }


def _signals_record(signals: Signals) -> dict[str, Any]:
    """Each signal with what it is worth; null where it says nothing of the image."""
    own = {
        "picture": signals.picture,
        "caption": signals.caption,
        "words": signals.words,
        "likelihood": signals.likelihood,
    }
    return {
        name: signal
        and {
            field: _number(value) if isinstance(value, float) else value
            for field, value in asdict(signal).items()
        }
        for name, signal in own.items()
    }


def _number(value: float) -> float | None:
    """A number for JSON, where NaN is null."""
    return None if math.isnan(value) else round(value, 6)


def filter_record(where: Filter) -> dict[str, Any]:
    """The conditions that were given, by the names of a Filter's fields."""
    fields = {field.name: getattr(where, field.name) for field in dataclasses.fields(where)}
    return {name: _plain(value) for name, value in fields.items() if value not in (None, (), [])}


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return path_fields(value)["path"]
    if isinstance(value, datetime):
        return value.isoformat()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: _plain(getattr(value, each.name)) for each in dataclasses.fields(value)}
    return [_plain(each) for each in value] if isinstance(value, (list, tuple)) else value


def skip_record(skip: Skip) -> dict[str, Any]:
    """An image left out."""
    return {**path_fields(skip.path), "code": str(skip.code), "reason": skip.reason}


def tower_record(tower: TowerIdentity) -> dict[str, Any]:
    """What makes a collection's embeddings comparable."""
    return {
        "name": tower.name,
        "dim": tower.dim,
        "precision": tower.precision,
        "digest": tower.digest,
    }


def csv_cell(value: object) -> object:
    """A value that no spreadsheet takes for a formula and no terminal for a command.

    A text that begins with = + - @ gets an apostrophe before it (OWASP, CSV injection).
    """
    if not isinstance(value, (str, Path)):
        return value
    text = quoted(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def shown_path(image: Image) -> str:
    """Where an image lies, for people; one that a program added has no file."""
    return quoted(image.path) if image.path else f"(image {image.id}, not a file)"
