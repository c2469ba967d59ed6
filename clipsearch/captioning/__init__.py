"""Captions pictures: from what the image tower sees to a sentence, without torch.

Importing this package loads neither ONNX Runtime nor tokenizers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from clipsearch.lazy import first_use

if TYPE_CHECKING:
    from clipsearch.caption_writing import CaptionWriter as CaptionWriter
    from clipsearch.caption_writing import Manner as Manner
    from clipsearch.caption_writing import Unwritten as Unwritten
    from clipsearch.caption_writing import WrittenCaption as WrittenCaption
    from clipsearch.captioning.answerers import open_answerer as open_answerer
    from clipsearch.captioning.answering import Answer as Answer
    from clipsearch.captioning.answering import Answerer as Answerer
    from clipsearch.captioning.captioner import Captioner as Captioner
    from clipsearch.captioning.catalogued import CaptionReport as CaptionReport
    from clipsearch.captioning.catalogued import caption_catalogue as caption_catalogue
    from clipsearch.captioning.choosing import ServerAccess as ServerAccess
    from clipsearch.captioning.choosing import open_captioner as open_captioner
    from clipsearch.captioning.files import CaptionedFile as CaptionedFile
    from clipsearch.captioning.files import CaptionOptions as CaptionOptions
    from clipsearch.captioning.files import caption_files as caption_files
    from clipsearch.captioning.files import find_files as find_files
    from clipsearch.captioning.keeping import caption_into as caption_into
    from clipsearch.captioning.reranking import reranked as reranked
    from clipsearch.captioning.sinks import CaptionTable as CaptionTable
    from clipsearch.captioning.sinks import Nowhere as Nowhere
    from clipsearch.captioning.sinks import Sidecars as Sidecars
    from clipsearch.captioning.sinks import Sink as Sink
    from clipsearch.captioning.told import Told as Told
    from clipsearch.captioning.told import with_captions as with_captions
    from clipsearch.captioning.xmp_sidecars import XmpSidecars as XmpSidecars

_MODULES = {
    "Answer": ".answering",
    "Answerer": ".answering",
    "CaptionOptions": ".files",
    "CaptionReport": ".catalogued",
    "CaptionTable": ".sinks",
    "CaptionWriter": "clipsearch.caption_writing",
    "CaptionedFile": ".files",
    "Captioner": ".captioner",
    "Manner": "clipsearch.caption_writing",
    "Nowhere": ".sinks",
    "ServerAccess": ".choosing",
    "Sidecars": ".sinks",
    "Sink": ".sinks",
    "Told": ".told",
    "Unwritten": "clipsearch.caption_writing",
    "WrittenCaption": "clipsearch.caption_writing",
    "XmpSidecars": ".xmp_sidecars",
    "caption_catalogue": ".catalogued",
    "caption_files": ".files",
    "caption_into": ".keeping",
    "find_files": ".files",
    "open_answerer": ".answerers",
    "open_captioner": ".choosing",
    "reranked": ".reranking",
    "with_captions": ".told",
}

__all__ = list(_MODULES)

__getattr__ = first_use(__name__, _MODULES)
