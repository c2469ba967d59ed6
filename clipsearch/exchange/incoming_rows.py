"""From rows of metadata and embeddings to images: the files that are there are read once."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from clipsearch.catalogue.incoming import NewImage
from clipsearch.exchange.records import (
    OURS,
    foreign_metadata,
    read_record,
    size_said,
)
from clipsearch.images import DecodeLimits, DecodePool
from clipsearch.shards import as_found
from clipsearch.values import (
    Caption,
    Decoded,
    Embeddings,
    FoundFile,
    ImageInfo,
    Preprocessing,
    Skip,
)

NO_FORMAT = "EMBEDDING"
"""The format of an image of which there is an embedding and no file."""

SOURCE = "table"
LONGEST_CAPTION = 1 << 16

# A JPEG is decoded at an eighth of its size; nobody looks at the pixels.
_GLANCE = Preprocessing(8, 8, "squash", "bilinear", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How embeddings are taken in.

    `tower` names what made them; None is what the folder itself says. `normalise` accepts rows
    of any length. Paths that are not absolute lie under `root` (None: the current folder);
    `read_files` reads each file that is there once, for its fingerprint, size and EXIF: else all
    images are ones without files.
    """

    tower: str | None = None
    normalise: bool = False
    root: Path | None = None
    read_files: bool = True
    workers: int | None = None
    limits: DecodeLimits = field(default_factory=DecodeLimits)


@dataclass(frozen=True, slots=True)
class Incoming:
    """What came of a row; `skip` is its file where that could not be read."""

    image: NewImage
    skip: Skip | None = None


class RowReader:
    """Turns rows into images; leaving the `with` block ends the processes that read files."""

    def __init__(self, options: ImportOptions) -> None:
        self._options = options
        self._root = (options.root or Path()).absolute()
        self._pool = DecodePool(_GLANCE, options.limits, options.workers)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.close()

    def read(
        self, rows: Sequence[Mapping[str, Any]], images: Embeddings, texts: Embeddings | None
    ) -> list[Incoming]:
        """The images of rows, with their embeddings [n, dim]. Raises BadRecord."""
        if texts is None:
            texts = np.zeros_like(images)
        files = [self._file(row) for row in rows]
        requests = ((file, ()) for file in dict.fromkeys(files) if file is not None)
        outcomes = {outcome.path: outcome for outcome in self._pool.decode(requests)}
        read = []
        for row, file, embedding, text in zip(rows, files, images, texts, strict=True):
            own = text if text.any() else None
            if isinstance(row.get(OURS), str):
                read.append(Incoming(_own_image(row[OURS], embedding, own)))
                continue
            outcome = outcomes[file.path] if file is not None else None
            if file is not None and isinstance(outcome, Decoded):
                known = _foreign_image(row, outcome.info, (file,), (embedding, own))
                image = replace(known, captions=(*known.captions, *outcome.captions))
                read.append(Incoming(image))
            else:
                image = _foreign_image(row, _no_info(row, embedding), (), (embedding, own))
                read.append(Incoming(image, outcome if isinstance(outcome, Skip) else None))
        return read

    def _file(self, row: Mapping[str, Any]) -> FoundFile | None:
        """The file of another program's row, as it stands now; None where there is none."""
        name = row.get("image_path")
        if OURS in row or not self._options.read_files or not isinstance(name, str) or not name:
            return None
        path = Path(os.path.normpath(self._root / name))
        return as_found(path.resolve() if path.is_symlink() else path)


def _own_image(record: str, embedding: Embeddings, text: Embeddings | None) -> NewImage:
    """An image that a collection gave: it lies where the very files are that it had."""
    known = read_record(record)
    files = tuple(file for file in known.files if as_found(file.path) == file)
    return NewImage(
        info=known.info,
        embedding=embedding,
        files=files,
        captions=known.captions,
        metadata=known.metadata,
        kept=known.kept or not files,
        caption_embedding=text,
    )


def _foreign_image(
    row: Mapping[str, Any],
    info: ImageInfo,
    files: tuple[FoundFile, ...],
    embeddings: tuple[Embeddings, Embeddings | None],
) -> NewImage:
    caption = row.get("caption")
    fine = isinstance(caption, str) and 0 < len(caption.strip()) <= LONGEST_CAPTION
    return NewImage(
        info=info,
        embedding=embeddings[0],
        files=files,
        captions=(Caption(str(caption).strip(), SOURCE),) if fine else (),
        metadata=foreign_metadata(row),
        kept=not files,
        caption_embedding=embeddings[1] if fine else None,
    )


def _no_info(row: Mapping[str, Any], embedding: Embeddings) -> ImageInfo:
    """What is known of an image without a file: rows that say the same are one image."""
    named = "\0".join(str(row.get(name, "")) for name in ("image_path", "url"))
    content = b"embedding\0" + named.encode("utf-8", "surrogatepass") + b"\0"
    fingerprint = hashlib.blake2b(content + embedding.tobytes(), digest_size=32).digest()
    width, height = size_said(row)
    return ImageInfo(fingerprint, NO_FORMAT, width, height, 0)
