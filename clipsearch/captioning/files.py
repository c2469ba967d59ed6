"""Captions files: found, decoded in processes of their own, captioned in batches."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from clipsearch.caption_writing import CaptionWriter, Manner, Unwritten, WrittenCaption
from clipsearch.images import DecodeLimits, DecodePool, Scan, ScanRules
from clipsearch.images.messages import Answer
from clipsearch.values import Decoded, FoundFile, FoundSidecar, Skip, SkipCode


@dataclass(frozen=True, slots=True)
class CaptionedFile:
    """A file and its caption, with the fingerprint of the content that was seen."""

    path: Path
    caption: WrittenCaption
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class CaptionOptions:
    """How files are captioned: the manner of writing, decoding processes, what one may cost."""

    manner: Manner = field(default_factory=Manner)
    workers: int | None = None
    limits: DecodeLimits = field(default_factory=DecodeLimits)


def find_files(roots: Iterable[Path], rules: ScanRules) -> Iterator[FoundFile | Skip]:
    """The picture files at and under the roots, each once."""
    met: set[Path] = set()
    for root in roots:
        for found in Scan(root, rules):
            if not isinstance(found, FoundSidecar) and found.path not in met:
                met.add(found.path)
                yield found


def caption_files(
    captioner: CaptionWriter, files: Iterable[FoundFile], options: CaptionOptions
) -> Generator[CaptionedFile | Skip, None, None]:
    """Caption each file, in their order; what cannot be read comes back as a Skip.

    Raises DecodingUnavailable. Close it, or run it to its end, to end the decoding processes.
    """
    with (
        DecodePool(captioner.preprocessing, options.limits, options.workers) as pool,
        closing(pool.decode((file, ()) for file in files)) as answers,
    ):
        batch: list[Answer] = []
        for answer in answers:
            batch.append(answer)
            if len(batch) >= captioner.batch:
                yield from _captioned(captioner, batch, options.manner)
                batch = []
        yield from _captioned(captioner, batch, options.manner)


def _captioned(
    captioner: CaptionWriter, batch: Sequence[Answer], manner: Manner
) -> Iterator[CaptionedFile | Skip]:
    pictures = [each for each in batch if isinstance(each, Decoded)]
    if pictures:
        captions = iter(captioner.write([each.pixels for each in pictures], manner))
    for each in batch:
        if isinstance(each, Decoded):
            caption = next(captions)
            if isinstance(caption, Unwritten):
                yield Skip(each.path, SkipCode.NO_CAPTION, caption.reason)
            else:
                yield CaptionedFile(each.path, caption, each.info.fingerprint)
        elif isinstance(each, Skip):
            yield each
