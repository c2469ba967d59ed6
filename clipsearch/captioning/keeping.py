"""Captions the files that are still without a caption where it is kept, and keeps each."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing

from clipsearch.caption_writing import CaptionWriter
from clipsearch.captioning.files import CaptionedFile, CaptionOptions, caption_files
from clipsearch.captioning.sinks import Sink
from clipsearch.values import FoundFile, Skip


def caption_into(
    sink: Sink, captioner: CaptionWriter, files: Sequence[FoundFile], options: CaptionOptions
) -> Generator[CaptionedFile | Skip, None, None]:
    """Caption those of the files that the sink wants, and hand it each caption as it comes.

    What cannot be read or written comes back as a Skip. Raises StorageFull, DecodingUnavailable.
    """
    wanted = (file for file in files if sink.wants(file.path))
    with closing(caption_files(captioner, wanted, options)) as captioned:
        for each in captioned:
            refused = sink.put(each.path, each.caption) if isinstance(each, CaptionedFile) else None
            yield refused or each
