"""Search pictures by words or by a picture, offline.

>>> from clipsearch import Collection
>>> with Collection("demo") as pictures:
...     report = pictures.ingest([photographs])
...     print(report.added, "pictures")
...     for hit in pictures.query("a cat", k=1):
...         print(hit.rank, hit.path.name)
28 pictures
1 chelsea.png
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from clipsearch.lazy import first_use

__version__ = "0.1.0"

if TYPE_CHECKING:
    from clipsearch.caption_writing import CaptionWriter as CaptionWriter
    from clipsearch.caption_writing import Manner as Manner
    from clipsearch.caption_writing import Unwritten as Unwritten
    from clipsearch.caption_writing import WrittenCaption as WrittenCaption
    from clipsearch.captioning import Answer as Answer
    from clipsearch.captioning import Answerer as Answerer
    from clipsearch.captioning import Captioner as Captioner
    from clipsearch.captioning import CaptionOptions as CaptionOptions
    from clipsearch.captioning import CaptionReport as CaptionReport
    from clipsearch.captioning import ServerAccess as ServerAccess
    from clipsearch.captioning import open_answerer as open_answerer
    from clipsearch.captioning import open_captioner as open_captioner
    from clipsearch.collection import Collection as Collection
    from clipsearch.duplicates import Duplicate as Duplicate
    from clipsearch.duplicates import DuplicateGroup as DuplicateGroup
    from clipsearch.duplicates import DuplicateOptions as DuplicateOptions
    from clipsearch.duplicates import Duplicates as Duplicates
    from clipsearch.duplicates import Tier as Tier
    from clipsearch.embedder import EmbeddedFiles as EmbeddedFiles
    from clipsearch.embedder import Embedder as Embedder
    from clipsearch.errors import ClipsearchError as ClipsearchError
    from clipsearch.exchange import ExportOptions as ExportOptions
    from clipsearch.exchange import ExportReport as ExportReport
    from clipsearch.exchange import ImportOptions as ImportOptions
    from clipsearch.exchange import ImportReport as ImportReport
    from clipsearch.filters import Filter as Filter
    from clipsearch.filters import MetadataIs as MetadataIs
    from clipsearch.filters import MinSize as MinSize
    from clipsearch.filters import Near as Near
    from clipsearch.images import DecodeLimits as DecodeLimits
    from clipsearch.indexes import Recipe as Recipe
    from clipsearch.ingest import Addition as Addition
    from clipsearch.ingest import IngestOptions as IngestOptions
    from clipsearch.ingest import IngestReport as IngestReport
    from clipsearch.ingest import MigrationOptions as MigrationOptions
    from clipsearch.ingest import MigrationReport as MigrationReport
    from clipsearch.ingest import Progress as Progress
    from clipsearch.search import By as By
    from clipsearch.search import Direction as Direction
    from clipsearch.search import Likeness as Likeness
    from clipsearch.search import Query as Query
    from clipsearch.search import Words as Words
    from clipsearch.settings import default_home as default_home
    from clipsearch.status import CollectionStatus as CollectionStatus
    from clipsearch.status import VerifyReport as VerifyReport
    from clipsearch.towers import TowerOptions as TowerOptions
    from clipsearch.towers import TowerPair as TowerPair
    from clipsearch.towers import load_towers as load_towers
    from clipsearch.values import Caption as Caption
    from clipsearch.values import CaptionSignal as CaptionSignal
    from clipsearch.values import Hit as Hit
    from clipsearch.values import Image as Image
    from clipsearch.values import ImageInfo as ImageInfo
    from clipsearch.values import LikelihoodSignal as LikelihoodSignal
    from clipsearch.values import PictureSignal as PictureSignal
    from clipsearch.values import Removed as Removed
    from clipsearch.values import Signals as Signals
    from clipsearch.values import Skip as Skip
    from clipsearch.values import SkipCode as SkipCode
    from clipsearch.values import TowerIdentity as TowerIdentity
    from clipsearch.values import Unreached as Unreached
    from clipsearch.values import WordsSignal as WordsSignal
    from clipsearch.watching import WatchEvent as WatchEvent
    from clipsearch.watching import WatchOptions as WatchOptions

_HOMES = {
    "Addition": ".ingest",
    "Answer": ".captioning",
    "Answerer": ".captioning",
    "By": ".search",
    "Caption": ".values",
    "CaptionOptions": ".captioning",
    "CaptionReport": ".captioning",
    "CaptionWriter": ".caption_writing",
    "Captioner": ".captioning",
    "CaptionSignal": ".values",
    "ClipsearchError": ".errors",
    "Collection": ".collection",
    "CollectionStatus": ".status",
    "DecodeLimits": ".images",
    "Direction": ".search",
    "Duplicate": ".duplicates",
    "DuplicateGroup": ".duplicates",
    "DuplicateOptions": ".duplicates",
    "Duplicates": ".duplicates",
    "EmbeddedFiles": ".embedder",
    "Embedder": ".embedder",
    "ExportOptions": ".exchange",
    "ExportReport": ".exchange",
    "Filter": ".filters",
    "Hit": ".values",
    "Image": ".values",
    "ImageInfo": ".values",
    "ImportOptions": ".exchange",
    "ImportReport": ".exchange",
    "IngestOptions": ".ingest",
    "IngestReport": ".ingest",
    "LikelihoodSignal": ".values",
    "Likeness": ".search",
    "Manner": ".caption_writing",
    "MetadataIs": ".filters",
    "MigrationOptions": ".ingest",
    "MigrationReport": ".ingest",
    "MinSize": ".filters",
    "Near": ".filters",
    "Progress": ".ingest",
    "PictureSignal": ".values",
    "Query": ".search",
    "Recipe": ".indexes",
    "Removed": ".values",
    "ServerAccess": ".captioning",
    "Signals": ".values",
    "Skip": ".values",
    "SkipCode": ".values",
    "Tier": ".duplicates",
    "TowerIdentity": ".values",
    "TowerOptions": ".towers",
    "TowerPair": ".towers",
    "Unreached": ".values",
    "Unwritten": ".caption_writing",
    "VerifyReport": ".status",
    "WatchEvent": ".watching",
    "WatchOptions": ".watching",
    "Words": ".search",
    "WordsSignal": ".values",
    "WrittenCaption": ".caption_writing",
    "default_home": ".settings",
    "load_towers": ".towers",
    "open_answerer": ".captioning",
    "open_captioner": ".captioning",
}

__all__ = ["__version__", *_HOMES]

__getattr__ = first_use(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
