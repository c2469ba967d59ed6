"""Reads captions: tables, sidecars, folders of captioned pictures, webdataset tars."""

from clipsearch.captions.captioned import (
    CaptionedPicture,
    CaptionedSet,
    KnownEmbeddings,
    captioned_images,
    generated_captions,
    searched_images,
)
from clipsearch.captions.generated import GeneratedNotes, GeneratedTexts
from clipsearch.captions.questions import PictureQuestion, QuestionSet, read_questions
from clipsearch.captions.sidecars import SidecarText, sidecar_text
from clipsearch.captions.source import read_captioned
from clipsearch.captions.tables import check_table, named_captions

__all__ = [
    "CaptionedPicture",
    "CaptionedSet",
    "GeneratedNotes",
    "GeneratedTexts",
    "KnownEmbeddings",
    "PictureQuestion",
    "QuestionSet",
    "SidecarText",
    "captioned_images",
    "check_table",
    "generated_captions",
    "named_captions",
    "read_captioned",
    "read_questions",
    "searched_images",
    "sidecar_text",
]
