"""What a pool and its workers say to each other: frames over a pipe, never pickles.

A frame is one line of JSON, whose `payload` counts the raw bytes that follow it. Paths and
pixels travel as raw bytes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import numpy as np

from clipsearch.images.limits import DecodeLimits
from clipsearch.values import (
    Caption,
    Decoded,
    FoundFile,
    ImageInfo,
    Preprocessing,
    Recognised,
    Skip,
    SkipCode,
)

Answer = Decoded | Recognised | Skip
Frame = tuple[dict[str, Any], bytes | bytearray]

FINGERPRINT_BYTES = 32


def write_frame(stream: IO[bytes], header: Mapping[str, Any], payload: bytes = b"") -> None:
    """Send one frame whole. Raises OSError when nobody listens any more."""
    line = json.dumps({**header, "payload": len(payload)}, separators=(",", ":"))
    stream.write(line.encode("ascii") + b"\n")
    stream.write(payload)
    stream.flush()


def read_frame(stream: IO[bytes]) -> Frame | None:
    """Receive one frame; None when the other side has closed the pipe."""
    line = stream.readline()
    if not line.endswith(b"\n"):
        return None
    header: dict[str, Any] = json.loads(line)
    payload = stream.read(header["payload"])
    return (header, payload) if len(payload) == header["payload"] else None


def pack_settings(preprocessing: Preprocessing, limits: DecodeLimits) -> dict[str, Any]:
    """The header of a pool's first frame."""
    return {"preprocessing": asdict(preprocessing), "limits": asdict(limits)}


def unpack_settings(header: Mapping[str, Any]) -> tuple[Preprocessing, DecodeLimits]:
    """Undo `pack_settings`."""
    given = dict(header["preprocessing"])
    given["mean"], given["std"] = tuple(given["mean"]), tuple(given["std"])
    return Preprocessing(**given), DecodeLimits(**header["limits"])


def pack_request(file: FoundFile, known: Sequence[bytes]) -> tuple[dict[str, Any], bytes]:
    """A file to read, with the fingerprints known for files of its size."""
    path = os.fsencode(file.path)
    header = {"path": len(path), "size": file.size, "mtime_ns": file.mtime_ns}
    return header, path + b"".join(known)


def unpack_request(frame: Frame) -> tuple[FoundFile, frozenset[bytes]]:
    """Undo `pack_request`."""
    header, payload = frame
    length = header["path"]
    path = Path(os.fsdecode(bytes(payload[:length])))
    starts = range(length, len(payload), FINGERPRINT_BYTES)
    known = frozenset(bytes(payload[start : start + FINGERPRINT_BYTES]) for start in starts)
    return FoundFile(path, header["size"], header["mtime_ns"]), known


def pack_answer(answer: Answer) -> tuple[dict[str, Any], bytes]:
    """What came of a file; its path stays at home, since the pool knows it."""
    if isinstance(answer, Skip):
        return {"skip": answer.code, "reason": answer.reason}, b""
    if isinstance(answer, Recognised):
        return {"recognised": True}, answer.fingerprint
    info = asdict(answer.info)
    fingerprint = info.pop("fingerprint")
    info["taken"] = answer.info.taken.isoformat() if answer.info.taken else None
    captions = [(one.text, one.source, one.kind) for one in answer.captions]
    header = {"info": info, "shape": answer.pixels.shape, "captions": captions}
    return header, fingerprint + answer.pixels.tobytes()


def unpack_answer(path: Path, frame: Frame) -> Answer:
    """Undo `pack_answer`."""
    header, payload = frame
    if "skip" in header:
        return Skip(path, SkipCode(header["skip"]), header["reason"])
    fingerprint = bytes(payload[:FINGERPRINT_BYTES])
    if "recognised" in header:
        return Recognised(path, fingerprint)
    given = header["info"]
    given["taken"] = datetime.fromisoformat(given["taken"]) if given["taken"] else None
    given["notes"] = tuple(given["notes"])
    pixels = np.frombuffer(payload, np.uint8, offset=FINGERPRINT_BYTES).reshape(header["shape"])
    captions = tuple(Caption(*one) for one in header["captions"])
    return Decoded(path, ImageInfo(fingerprint=fingerprint, **given), pixels, captions)
