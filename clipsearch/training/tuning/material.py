"""Captioned pictures as they are trained and measured on: one for each content."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from clipsearch.training_errors import DevInsideTrain, EmptySplit
from clipsearch.values import Skip, SkipCode

HELD_OUT = 10
"""Where no dev set is named, one of this many pictures is held out."""


@dataclass(frozen=True, slots=True)
class Pictured:
    """A picture with its captions; `read` gives its encoded bytes or raises OSError."""

    path: Path
    captions: tuple[str, ...]
    read: Callable[[], bytes]
    fingerprint: bytes = b""


@dataclass(frozen=True, slots=True)
class PictureSet:
    """Pictures of different contents, what was left out, and how many copies were merged."""

    source: str
    pictures: tuple[Pictured, ...]
    left_out: tuple[Skip, ...] = ()
    copies: int = 0

    def digest(self) -> str:
        """sha256 (hex) over all contents and captions, in their order."""
        hashed = hashlib.sha256()
        for each in self.pictures:
            hashed.update(each.fingerprint + "\n".join(each.captions).encode("utf-8", "replace"))
        return hashed.hexdigest()


def by_content(source: str, pictures: Iterable[Pictured], skips: Sequence[Skip]) -> PictureSet:
    """Read every picture once, and make one of those that have the same bytes.

    Equal captions of one picture become one. What cannot be read is left out with its reason.
    """
    known: dict[bytes, Pictured] = {}
    left_out, copies = list(skips), 0
    for each in pictures:
        try:
            fingerprint = hashlib.blake2b(each.read(), digest_size=32).digest()
        except OSError as error:
            reason = error.strerror or str(error)
            left_out.append(Skip(each.path, SkipCode.UNREADABLE, reason))
            continue
        first = known.get(fingerprint, replace(each, captions=(), fingerprint=fingerprint))
        copies += fingerprint in known
        captions = tuple(dict.fromkeys((*first.captions, *each.captions)))
        known[fingerprint] = replace(first, captions=captions)
    return PictureSet(source, tuple(known.values()), tuple(left_out), copies)


def together(sets: Sequence[PictureSet]) -> PictureSet:
    """Make one set of several; a picture of several has the captions of all."""
    known: dict[bytes, Pictured] = {}
    for each in (picture for own in sets for picture in own.pictures):
        first = known.get(each.fingerprint, each)
        captions = tuple(dict.fromkeys((*first.captions, *each.captions)))
        known[each.fingerprint] = replace(first, captions=captions)
    pictures = tuple(known.values())
    copies = sum(len(own.pictures) + own.copies for own in sets) - len(pictures)
    left_out = tuple(skip for own in sets for skip in own.left_out)
    return PictureSet(" + ".join(own.source for own in sets), pictures, left_out, copies)


def held_out(whole: PictureSet) -> tuple[PictureSet, PictureSet]:
    """Part a set into train and dev by the pictures' contents: the same parts on any machine."""
    order = sorted(whole.pictures, key=lambda each: each.fingerprint)
    count = max(1, len(order) // HELD_OUT)
    chosen = {each.fingerprint for each in order[:count]}
    sides = [
        tuple(each for each in whole.pictures if (each.fingerprint in chosen) is dev)
        for dev in (False, True)
    ]
    return (
        replace(whole, pictures=sides[0]),
        PictureSet(f"{whole.source} (held out)", sides[1]),
    )


def require_pictures(given: PictureSet, purpose: str) -> None:
    """Raise EmptySplit for a set that holds nothing."""
    if not given.pictures:
        raise EmptySplit(given.source, purpose, len(given.left_out))


def refuse_shared_pictures(train: PictureSet, measured: PictureSet) -> None:
    """Raise DevInsideTrain where a picture measured on is trained on."""
    trained = {each.fingerprint for each in train.pictures}
    shared = [str(each.path) for each in measured.pictures if each.fingerprint in trained]
    if shared:
        raise DevInsideTrain(measured.source, shared)
