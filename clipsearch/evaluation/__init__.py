"""Measures towers on captioned pictures: retrieval, classes, likeness, robustness, bias."""

from clipsearch.evaluation.evaluate import TASKS, Evaluation, Tasks, evaluate
from clipsearch.evaluation.labels import read_classes, read_templates
from clipsearch.evaluation.page import evaluation_page
from clipsearch.evaluation.result import Result

__all__ = [
    "TASKS",
    "Evaluation",
    "Result",
    "Tasks",
    "evaluate",
    "evaluation_page",
    "read_classes",
    "read_templates",
]
