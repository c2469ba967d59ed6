"""Measures towers on captioned pictures: retrieval, classes, likeness, robustness, bias."""

from clipsearch.evaluation.caption_page import caption_page
from clipsearch.evaluation.captions import (
    CAPTION_MEASURES,
    CaptionEvaluation,
    concordance,
    evaluate_captions,
    write_captions,
)
from clipsearch.evaluation.embedding import PLAIN, OnStep, embed_pictures
from clipsearch.evaluation.evaluate import TASKS, Evaluation, Tasks, evaluate
from clipsearch.evaluation.labels import read_classes, read_templates
from clipsearch.evaluation.page import evaluation_page
from clipsearch.evaluation.result import Result
from clipsearch.evaluation.vqa import VqaEvaluation, evaluate_vqa
from clipsearch.evaluation.vqa_page import vqa_page

__all__ = [
    "CAPTION_MEASURES",
    "PLAIN",
    "TASKS",
    "CaptionEvaluation",
    "Evaluation",
    "OnStep",
    "Result",
    "Tasks",
    "VqaEvaluation",
    "caption_page",
    "concordance",
    "embed_pictures",
    "evaluate",
    "evaluate_captions",
    "evaluate_vqa",
    "evaluation_page",
    "read_classes",
    "read_templates",
    "vqa_page",
    "write_captions",
]
