"""Embeds the pictures and captions of a set, in batches that keep memory flat."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clipsearch.captions import CaptionedPicture, CaptionedSet, KnownEmbeddings
from clipsearch.errors import UnreadableQueryImage
from clipsearch.evaluation_errors import NothingToMeasure
from clipsearch.images import decode_picture
from clipsearch.processors import usable_cpus
from clipsearch.towers import TowerPair, check_readable
from clipsearch.values import Embeddings, Pixels, Preprocessing, Skip, SkipCode

BATCH, TEXTS = 32, 256
PLAIN = "plain"

OnStep = Callable[[str, int, int, int], None]
"""Hears the phase, how many are done, of how many, and how many failed."""

Distort = Callable[[Pixels], Pixels]
"""Pictures uint8 [n, h, w, 3] to others of that shape."""


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddedSet:
    """A set in a tower's eyes.

    `images` holds float32 [n, d] for the plain pictures and for each distortion, `captions` is
    [c, d], `owner` [c] gives the row of each caption's picture. Pictures without captions come
    last.
    """

    pictures: tuple[CaptionedPicture, ...]
    images: Mapping[str, Embeddings]
    captions: Embeddings
    owner: NDArray[np.int64]
    texts: tuple[str, ...]
    skips: tuple[Skip, ...]

    @property
    def captioned(self) -> int:
        """How many pictures have captions."""
        return sum(bool(picture.captions) for picture in self.pictures)


def embed_set(
    data: CaptionedSet, tower: TowerPair, distortions: Mapping[str, Distort], on_step: OnStep
) -> EmbeddedSet:
    """Embed pictures, plain and distorted, and captions; unreadable pictures become skips.

    Raises NothingToMeasure, UnreadableScript.
    """
    kept, images, skips = embed_pictures(data, tower, distortions, on_step)
    texts = tuple(text for picture in kept for text in picture.captions)
    counts = [len(picture.captions) for picture in kept]
    return EmbeddedSet(
        pictures=tuple(kept),
        images=images,
        captions=embed_texts(texts, tower, on_step),
        owner=np.repeat(np.arange(len(kept), dtype=np.int64), counts),
        texts=texts,
        skips=tuple(skips),
    )


def embed_pictures(
    data: CaptionedSet, tower: TowerPair, distortions: Mapping[str, Distort], on_step: OnStep
) -> tuple[list[CaptionedPicture], dict[str, Embeddings], list[Skip]]:
    """The pictures of a set that have an embedding, these by condition, and the others.

    Raises NothingToMeasure.
    """
    every = (*data.pictures, *data.uncaptioned)
    if not data.pictures:
        raise NothingToMeasure(data.source, _why_nothing(data))
    skips: list[Skip] = []
    if data.known and data.known.tower == tower.identity and not distortions:
        kept, images = _known(every, data.known)
    else:
        kept, images = _calculated(every, tower, distortions, skips, on_step)
    if not any(picture.captions for picture in kept):
        raise NothingToMeasure(data.source, f"none of {len(every)} pictures can be read")
    return kept, images, skips


def _why_nothing(data: CaptionedSet) -> str:
    """What stands in the way where no picture has a caption."""
    if data.skips and not data.uncaptioned:
        first = data.skips[0]
        return f"all of it is left out, {len(data.skips)} in number; the first: {first.reason}"
    return (
        "no picture has a caption that a person wrote: put them into .txt files beside the "
        "pictures, or into a table (docs/captions.md)"
    )


Embedded = tuple[list[CaptionedPicture], dict[str, Embeddings]]
"""The pictures that have an embedding, and these by condition."""


def _known(pictures: Sequence[CaptionedPicture], known: KnownEmbeddings) -> Embedded:
    """Take the embeddings that are there already."""
    kept = [picture for picture in pictures if picture.name in known.rows]
    return kept, {PLAIN: np.stack([known.rows[picture.name] for picture in kept])} if kept else {}


def _calculated(
    pictures: Sequence[CaptionedPicture],
    tower: TowerPair,
    distortions: Mapping[str, Distort],
    skips: list[Skip],
    on_step: OnStep,
) -> Embedded:
    """Read and embed the pictures, plain and distorted."""
    ways: dict[str, Distort] = {PLAIN: lambda pixels: pixels, **distortions}
    kept: list[CaptionedPicture] = []
    rows: dict[str, list[Embeddings]] = {name: [] for name in ways}
    for batch, found in decoded_batches(pictures, tower.preprocessing, skips):
        kept += batch
        pixels = np.stack(found)
        for name, distort in ways.items():
            rows[name].append(tower.embed_images(distort(pixels)))
        on_step("pictures", len(kept) + len(skips), len(pictures), len(skips))
    return kept, {name: np.concatenate(parts) for name, parts in rows.items() if parts}


def embed_texts(texts: Sequence[str], tower: TowerPair, on_step: OnStep) -> Embeddings:
    """Embed texts: float32 [n, d]. Raises UnreadableScript."""
    for text in texts:
        check_readable(text, tower)
    parts = []
    for start in range(0, len(texts), TEXTS):
        parts.append(tower.embed_texts(texts[start : start + TEXTS]))
        on_step("texts", min(start + TEXTS, len(texts)), len(texts), 0)
    return np.concatenate(parts)


def decoded_batches(
    pictures: Sequence[CaptionedPicture], preprocessing: Preprocessing, skips: list[Skip]
) -> Iterator[tuple[list[CaptionedPicture], list[Pixels]]]:
    """Yield batches of pictures with the pixels of each; what cannot be read goes to `skips`."""
    read = partial(_read, preprocessing=preprocessing)
    with ThreadPoolExecutor(min(8, usable_cpus())) as pool:
        for start in range(0, len(pictures), BATCH):
            batch = pictures[start : start + BATCH]
            found = list(zip(batch, pool.map(read, batch), strict=True))
            skips += [each for _, each in found if isinstance(each, Skip)]
            good = [(picture, each) for picture, each in found if not isinstance(each, Skip)]
            if good:
                yield [picture for picture, _ in good], [each for _, each in good]


def _read(picture: CaptionedPicture, preprocessing: Preprocessing) -> Pixels | Skip:
    try:
        return decode_picture(picture.read(), preprocessing).pixels
    except UnreadableQueryImage as error:
        return Skip(Path(picture.name), error.skip.code, error.skip.reason)
    except (OSError, ValueError) as error:
        told = getattr(error, "strerror", None) or str(error)
        return Skip(Path(picture.name), SkipCode.UNREADABLE, told.lower())
