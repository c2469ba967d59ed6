"""Captions the images of a catalogue, and keeps the captions there."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from clipsearch.caption_writing import CaptionWriter
from clipsearch.captioning.files import CaptionedFile, CaptionOptions, caption_files
from clipsearch.catalogue import Catalogue, transaction, writing
from clipsearch.shards import as_found
from clipsearch.values import GENERATED, Caption, FoundFile, Image, Skip, SkipCode

BATCH = 32
"""Captions committed at once: what a crash may cost."""

BUILTIN = f"{GENERATED}builtin-captioner-"
"""How the source of every version of the built-in captioner begins."""

OnStep = Callable[[int, int, int], None]
"""Told of images done, images in all, images left out."""


@dataclass(slots=True)
class CaptionReport:
    """What a captioning did: images captioned, those that had a caption of this captioner.

    `failed` are those left out; `fileless` counts images that a program added, which have no
    file to be read again.
    """

    captioned: int = 0
    already: int = 0
    fileless: int = 0
    failed: list[Skip] = field(default_factory=list)


def caption_catalogue(
    catalogue: Catalogue,
    captioner: CaptionWriter,
    options: CaptionOptions,
    among: Collection[int] | None = None,
    on_step: OnStep = lambda done, of, failed: None,
    *,
    anew: bool = False,
) -> CaptionReport:
    """Caption each image without a caption of this captioner, of those `among` where given.

    With `anew` those that have one are captioned, too, and the new one takes its place.
    Captions of other sources stay as they are, but for those of other versions of the built-in
    captioner where that writes: theirs give way. What was written stays when it is stopped, all but
    a batch when it is killed; the next call goes on. The caller holds the collection's writer lock.
    Raises DecodingUnavailable.
    """
    report = CaptionReport()
    waiting = {
        path: (image.id, image.info.fingerprint)
        for image, path in _waiting(catalogue, captioner.source, among, report, anew=anew)
    }
    # one that is gone becomes a skip when it is read
    files = (as_found(path) or FoundFile(path, 0, 0) for path in waiting)
    done = 0
    on_step(done, len(waiting), 0)
    batch: list[CaptionedFile] = []

    def keep() -> None:
        _commit(catalogue, captioner.source, waiting, batch)
        report.captioned += len(batch)
        batch.clear()

    with closing(caption_files(captioner, files, options)) as captioned:
        try:
            for each in captioned:
                done += 1
                if isinstance(each, Skip):
                    report.failed.append(each)
                elif each.fingerprint != waiting[each.path][1]:
                    reason = "it changed since it was indexed: index it anew"
                    report.failed.append(Skip(each.path, SkipCode.CHANGED, reason))
                else:
                    batch.append(each)
                if len(batch) == BATCH:
                    keep()
                    on_step(done, len(waiting), len(report.failed))
        finally:
            keep()  # a caption may have cost seconds or money
    on_step(done, len(waiting), len(report.failed))
    return report


def _waiting(
    catalogue: Catalogue,
    source: str,
    among: Collection[int] | None,
    report: CaptionReport,
    *,
    anew: bool,
) -> Iterator[tuple[Image, Path]]:
    """The images to caption, each with the file to read it from."""
    for image in catalogue.images():
        if among is not None and image.id not in among:
            continue
        if not anew and any(caption.source == source for caption in image.captions):
            report.already += 1
        elif not image.paths:
            report.fileless += 1
        else:
            yield image, next(filter(as_found, image.paths), image.paths[0])


def _commit(
    catalogue: Catalogue,
    source: str,
    waiting: dict[Path, tuple[int, bytes]],
    batch: list[CaptionedFile],
) -> None:
    if not batch:
        return
    with catalogue.writer() as connection, transaction(connection):
        for each in batch:
            image_id, _ = waiting[each.path]
            writing.remove_captions_of(connection, image_id, source)
            writing.add_captions(connection, image_id, [Caption(each.caption.text, source)])
            if source.startswith(BUILTIN):
                writing.remove_captions(connection, image_id, source, BUILTIN)
