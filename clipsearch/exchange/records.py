"""Between an image of ours and a row of metadata, ours or another program's."""

from __future__ import annotations

import base64
import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from clipsearch.catalogue.outgoing import OutgoingImage
from clipsearch.values import Caption, FoundFile, ImageInfo

COLUMNS = (
    ("image_path", "string"),
    ("caption", "string"),
    ("url", "string"),
    ("width", "int64"),
    ("height", "int64"),
    ("clipsearch", "string"),
)
"""What is exported; the last holds all that the others cannot, as JSON."""

OURS = "clipsearch"
FINGERPRINT_BYTES = 32
LARGEST_NUMBER = 2**63 - 1


def record_of(outgoing: OutgoingImage) -> dict[str, Any]:
    """An image as a row. Nothing in it is null: others' readers cannot tell null from a text."""
    image = outgoing.image
    captions = [caption.text for caption in image.captions if caption.kind == "caption"]
    url = image.metadata.get("url", "")
    return {
        "image_path": _shown(image.path),
        "caption": captions[0] if captions else "",
        "url": url if isinstance(url, str) else "",
        "width": image.info.width,
        "height": image.info.height,
        OURS: json.dumps(_whole(outgoing)),
    }


def _whole(outgoing: OutgoingImage) -> dict[str, Any]:
    image = outgoing.image
    info = asdict(image.info) | {
        "fingerprint": image.info.fingerprint.hex(),
        "taken": image.info.taken.isoformat() if image.info.taken else None,
    }
    files = [[_encoded(file.path), file.size, file.mtime_ns] for file in outgoing.files]
    return {
        "info": info,
        "files": files,
        "captions": [asdict(caption) for caption in image.captions],
        "metadata": dict(image.metadata),
        "kept": outgoing.kept,
    }


@dataclass(frozen=True, slots=True)
class Record:
    """An image as a collection gave it away."""

    info: ImageInfo
    files: tuple[FoundFile, ...]
    captions: tuple[Caption, ...]
    metadata: dict[str, Any]
    kept: bool


class BadRecord(ValueError):
    """A row that says it is ours, and is not; never leaves this package."""


def read_record(text: str) -> Record:
    """What `record_of` wrote. Raises BadRecord."""
    try:
        fields = json.loads(text)
        json.dumps(fields, ensure_ascii=False).encode()  # a lone surrogate is no text
        metadata, kept = fields["metadata"], fields["kept"]
        if not isinstance(metadata, dict) or not isinstance(kept, bool):
            raise BadRecord("its metadata are none")
        return Record(
            info=_info(fields["info"]),
            files=tuple(_file(*entry) for entry in fields["files"]),
            captions=tuple(_caption(one) for one in fields["captions"]),
            metadata=metadata,
            kept=kept,
        )
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise BadRecord(f"what `clipsearch` says is not ours ({error})") from error


def foreign_metadata(row: Mapping[str, Any]) -> dict[str, Any]:
    """What another program's row says beside path and caption, as JSON can hold it."""
    return {
        name: value
        for name, value in row.items()
        if name not in ("caption", OURS)
        and not (isinstance(value, float) and not math.isfinite(value))
        and value != ""
    }


def size_said(row: Mapping[str, Any]) -> tuple[int, int]:
    """Width and height as a row gives them, 0 where it does not."""
    found = []
    for side in ("width", "height"):
        value = row.get(f"original_{side}", row.get(side))
        fine = isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1 << 31
        found.append(int(value) if fine and value is not None else 0)
    return found[0], found[1]


def _info(fields: Mapping[str, Any]) -> ImageInfo:
    fingerprint = bytes.fromhex(fields["fingerprint"])
    if len(fingerprint) != FINGERPRINT_BYTES:
        raise ValueError("a fingerprint has 32 bytes")
    taken = fields["taken"]
    return ImageInfo(
        fingerprint=fingerprint,
        format=str(fields["format"]),
        width=_count(fields["width"]),
        height=_count(fields["height"]),
        bytes=_count(fields["bytes"]),
        taken=datetime.fromisoformat(taken) if taken else None,
        camera=str(fields["camera"]) if fields["camera"] is not None else None,
        latitude=_degrees(fields["latitude"]),
        longitude=_degrees(fields["longitude"]),
        notes=tuple(str(note) for note in fields["notes"]),
    )


def _file(path: str, size: int, mtime_ns: int) -> FoundFile:
    if type(mtime_ns) is not int or abs(mtime_ns) > LARGEST_NUMBER:
        raise ValueError("a time is none")
    return FoundFile(_decoded(path), _count(size), mtime_ns)


def _caption(fields: Mapping[str, Any]) -> Caption:
    kind = fields["kind"]
    if kind not in ("caption", "keywords"):
        raise ValueError("no kind of caption")
    return Caption(str(fields["text"]), str(fields["source"]), kind)


def _count(value: object) -> int:
    if type(value) is not int or not 0 <= value <= LARGEST_NUMBER:
        raise ValueError("a number is none")
    return value


def _degrees(value: object) -> float | None:
    if value is None:
        return None
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError("a place is none")
    return float(value)


def _shown(path: Path | None) -> str:
    """A path as text; a byte that is no UTF-8 is U+FFFD (`clipsearch` has its bytes)."""
    return os.fsencode(path).decode(errors="replace") if path else ""


def _encoded(path: Path) -> str:
    return base64.b64encode(os.fsencode(path)).decode("ascii")


def _decoded(text: str) -> Path:
    raw = base64.b64decode(text, validate=True)
    if b"\0" in raw or not raw.startswith(b"/"):
        raise ValueError("a path is none")
    return Path(os.fsdecode(raw))
