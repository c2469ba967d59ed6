"""The values that every floor of the house speaks in. Nothing here does any work."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

Embeddings = NDArray[np.float32]
"""Unit-length rows, float32 [n, d]."""

Pixels = NDArray[np.uint8]
"""Pictures ready for a tower's normalisation, RGB uint8 [n, h, w, 3] (or one, [h, w, 3])."""

Ids = NDArray[np.int64]
"""Image ids of the catalogue, int64 [n]."""

Precision = Literal["fp32", "bf16", "int8"]


LONGEST_CAPTION = 1 << 16
"""A text of more characters than this is no caption."""

GENERATED = "generated:"
"""How the source of a caption begins that a model wrote."""


class SkipCode(StrEnum):
    """Why an image was left out."""

    NOT_AN_IMAGE = "not_an_image"
    TRUNCATED = "truncated"
    TOO_LARGE = "too_large"
    BAD_RATIO = "bad_ratio"
    BAD_METADATA = "bad_metadata"
    FORMAT_NOT_ALLOWED = "format_not_allowed"
    MISSING_CODEC = "missing_codec"
    TIMEOUT = "timeout"
    CRASHED = "crashed"
    MEMORY = "memory"
    NOT_A_FILE = "not_a_file"
    UNREADABLE = "unreadable"
    CHANGED = "changed"
    NAME_TOO_LONG = "name_too_long"
    BAD_EMBEDDING = "bad_embedding"
    NO_CAPTION = "no_caption"

    @property
    def worth_retrying(self) -> bool:
        """Whether the same bytes may be read next time."""
        return self in _TRANSIENT


_TRANSIENT = frozenset(
    {
        SkipCode.MISSING_CODEC,
        SkipCode.TIMEOUT,
        SkipCode.CRASHED,
        SkipCode.MEMORY,
        SkipCode.UNREADABLE,
        SkipCode.CHANGED,
        SkipCode.BAD_EMBEDDING,
    }
)


@dataclass(frozen=True, slots=True)
class Skip:
    """An image left out, with its reason. The path may hold undecodable bytes (surrogates)."""

    path: Path
    code: SkipCode
    reason: str


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file whose name promises an image, as the scan saw it."""

    path: Path
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class FoundSidecar:
    """A file of captions beside a picture, or beside several of one stem, as the scan saw it."""

    file: FoundFile
    images: tuple[Path, ...]

    @property
    def path(self) -> Path:
        """Where it lies."""
        return self.file.path


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """What a picture's bytes say of it; `format` is "PIXELS" for one that was never a file.

    `width` and `height` are in pixels as the picture is shown (EXIF orientation applied),
    `bytes` is the file's size, `taken` has no time zone unless the picture names one,
    `latitude` and `longitude` are in degrees (WGS 84). `notes` name what was tolerated
    ("bad_icc_profile", "bad_orientation", "first_frame_of_many", "bad_xmp", "long_caption").
    """

    fingerprint: bytes
    format: str
    width: int
    height: int
    bytes: int
    taken: datetime | None = None
    camera: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Caption:
    """A text about an image, with its source.

    `source` is human (a person or a program said it), sidecar or table (a file beside the
    picture), xmp, iptc or exif (the picture's metadata), or generated:MODEL. `kind` is
    "keywords" for a list of words about it, joined by ", ".
    """

    text: str
    source: str = "human"
    kind: Literal["caption", "keywords"] = "caption"


def generated_source(name: object) -> str | None:
    """What a foreign file gives as a caption's source, where it names a model: generated:MODEL."""
    model = name.removeprefix(GENERATED) if isinstance(name, str) else ""
    if model == name or not 0 < len(model) <= 200 or not model.isprintable():
        return None
    return f"{GENERATED}{model}"


@dataclass(frozen=True, slots=True)
class Decoded:
    """A picture read, turned upright and brought to a tower's input size: uint8 [h, w, 3].

    `captions` are what its own bytes say of it in words.
    """

    path: Path
    info: ImageInfo
    pixels: Pixels
    captions: tuple[Caption, ...] = ()


@dataclass(frozen=True, slots=True)
class Recognised:
    """A file whose content the catalogue holds already: it was hashed and not decoded."""

    path: Path
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How a picture becomes a tower's input.

    `squash` resizes to height x width whatever the aspect; `shortest` resizes the shorter
    side and crops the centre; `longest` fits the whole picture and pads with `fill`
    (open_clip's `resize_mode`). `within` shrinks a picture that is larger and keeps its aspect,
    so that its size is its own: for models that do the rest themselves. Normalisation is
    `(pixel / 255 - mean) / std` per channel.
    """

    height: int
    width: int
    mode: Literal["squash", "shortest", "longest", "within"]
    interpolation: Literal["bicubic", "bilinear"]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    fill: int = 0

    @classmethod
    def whole(cls, side: int) -> Self:
        """A picture as it is, at most `side` pixels wide and high, not normalised."""
        return cls(side, side, "within", "bicubic", mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))


@dataclass(frozen=True, slots=True)
class TowerIdentity:
    """What makes two embeddings comparable: only equal identities may meet in one index.

    `digest` is the sha256 (hex) over weights and preprocessing.
    """

    name: str
    dim: int
    precision: Precision
    digest: str


@dataclass(frozen=True, slots=True)
class Image:
    """An image of a collection with all we know of it.

    `paths` are the files that hold it (copies included), in path order; empty for a picture
    that a program added. `metadata` is what that program gave.
    """

    id: int
    info: ImageInfo
    paths: tuple[Path, ...]
    captions: tuple[Caption, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> Path | None:
        """The first file that holds it."""
        return self.paths[0] if self.paths else None


@dataclass(frozen=True, slots=True)
class Removed:
    """What a collection forgot.

    `images` went; `copies` are files whose image lies elsewhere too and stays; `skips` were left
    out, `folders` and `tables` (of captions) were to be read again; `captions` are those that
    came from files that were named.
    """

    images: int = 0
    copies: int = 0
    skips: int = 0
    folders: int = 0
    tables: int = 0
    captions: int = 0

    def __bool__(self) -> bool:
        """Whether anything went."""
        return any((self.images, self.copies, self.skips, self.folders, self.tables, self.captions))


@dataclass(frozen=True, slots=True)
class Unreached:
    """An image that cannot be read again, with the reason; `path` is None without a file."""

    image_id: int
    path: Path | None
    reason: str


@dataclass(frozen=True, slots=True)
class PictureSignal:
    """How near the picture itself is to the query: cosine, and what that is worth.

    `hubness` is how near it is to sentences in general, as it counted (the least one twentieth of a
    collection count as its twentieth does), of which a share was taken off; None where that is not
    known of a tower, or where pictures are ranked by their cosine alone.
    """

    cosine: float
    evidence: float
    hubness: float | None = None


@dataclass(frozen=True, slots=True)
class CaptionSignal:
    """How near the image's best caption is to the query: cosine, and what that is worth."""

    cosine: float
    evidence: float
    text: str
    source: str


@dataclass(frozen=True, slots=True)
class WordsSignal:
    """Which of the query's words the image has: BM25, and what that is worth.

    The words stand in captions, keywords or names; they are spelled as the query spells them.
    """

    bm25: float
    evidence: float
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LikelihoodSignal:
    """How much likelier a captioner is to say the query of this picture than of the candidates.

    `nats` is the log of that ratio, over all texts of the query; `evidence` what it is worth.
    """

    nats: float
    evidence: float


@dataclass(frozen=True, slots=True)
class Signals:
    """What an image's place among the hits rests on; None where a signal says nothing of it.

    The evidences sum up to the hit's `rank_score`.
    """

    picture: PictureSignal | None = None
    caption: CaptionSignal | None = None
    words: WordsSignal | None = None
    likelihood: LikelihoodSignal | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """An image found. `rank` is from 1, and goes by `rank_score` (higher is better).

    Where a query was ranked again by the captioner, a picture that could not be looked at keeps
    its place, whatever the scores beside it.


    `score` is the cosine of picture and query in float32; NaN where the tower cannot read the
    query and its words alone were looked for. `signals` say what `rank_score` is made of.
    `probability` (0 to 1) is how probable it is that the picture shows what the words say; None
    where nothing is known of that, as for a query by a picture.
    """

    rank: int
    score: float
    image: Image
    probability: float | None = None
    rank_score: float = math.nan
    signals: Signals = field(default_factory=Signals)

    @property
    def path(self) -> Path | None:
        """The first file that holds the image."""
        return self.image.path
