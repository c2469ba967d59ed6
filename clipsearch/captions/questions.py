"""Reads questions about pictures with the answers that people gave.

A table (.csv, .tsv, .jsonl) has a picture, a question and its answers a line; in CSV and TSV the
answers are a JSON list, or one answer as it stands. A .json file is what the VQA data sets call
their questions; their annotations lie beside it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from clipsearch.captions.tables import IMAGE_KEYS, TABLES, bad_line, first_of, pictured_lines
from clipsearch.evaluation_errors import SourceUnreadable
from clipsearch.values import Skip, SkipCode

QUESTION_KEYS, ANSWER_KEYS, CHOICE_KEYS = ("question",), ("answers", "answer"), ("choices",)
"""How the columns may be called."""


@dataclass(frozen=True, slots=True)
class PictureQuestion:
    """A question about a picture, what people answered, and the choices, if any were given.

    `read` gives the picture's bytes; it raises OSError where it is not there.
    """

    name: str
    question: str
    answers: tuple[str, ...]
    choices: tuple[str, ...]
    read: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """Questions in the order of their source, with what was left out."""

    source: str
    questions: tuple[PictureQuestion, ...]
    skips: tuple[Skip, ...] = ()


def read_questions(source: Path, split: str | None = None, root: Path | None = None) -> QuestionSet:
    """Read a table of questions, or a .json file of the VQA data sets.

    Pictures lie under `root` (default: beside the source), or in a tar of a table's name. Bad
    lines become skips. Raises SourceUnreadable.
    """
    skips: list[Skip] = []
    try:
        if source.suffix.lower() in TABLES:
            questions = tuple(_table(source, split, root, skips))
        elif source.suffix.lower() == ".json":
            questions = tuple(_vqa_form(source, root or source.parent, skips))
        else:
            kind = "of an unknown kind" if source.exists() else "not there"
            raise SourceUnreadable(str(source), f"it is {kind}")
    except OSError as error:
        raise SourceUnreadable(str(source), (error.strerror or str(error)).lower()) from error
    return QuestionSet(str(source), questions, tuple(skips))


def _table(
    table: Path, split: str | None, root: Path | None, skips: list[Skip]
) -> Iterator[PictureQuestion]:
    needed = (IMAGE_KEYS, QUESTION_KEYS, ANSWER_KEYS)
    for line in pictured_lines(table, root, skips, needed):
        if split is not None and line.fields.get("split") != split:
            continue
        question = (first_of(line.fields, QUESTION_KEYS) or "").strip()
        answers = _texts(next((line.fields[key] for key in ANSWER_KEYS if key in line.fields), ()))
        choices = _texts(line.fields.get("choices") or ())
        if question and answers:
            yield PictureQuestion(line.name, question, answers, choices, line.read)
        else:
            fault = "it has no answer" if question else "it has no question"
            skips.append(bad_line(table, line.number, fault))


def _texts(given: object) -> tuple[str, ...]:
    """Texts: of a list or a JSON list, or of `[{"answer": ...}]`, or the one text."""
    if isinstance(given, str):
        if given.lstrip().startswith("["):
            try:
                return _texts(json.loads(given))
            except (ValueError, RecursionError):
                pass  # no JSON: an answer that begins with a bracket
        return (given.strip(),) if given.strip() else ()
    if not isinstance(given, Sequence):
        return () if given is None else (str(given),)
    told = (each.get("answer", "") if isinstance(each, Mapping) else each for each in given)
    return tuple(str(each).strip() for each in told if str(each).strip())


def _vqa_form(source: Path, root: Path, skips: list[Skip]) -> Iterator[PictureQuestion]:
    """The questions of a VQA data set's file, each with its annotation."""
    asked = _document(source)
    annotations = _document(_annotations_of(source))
    try:
        answers = {each["question_id"]: each["answers"] for each in annotations["annotations"]}
        subtype = str(asked.get("data_subtype", ""))
        for each in asked["questions"]:
            name = str(each.get("image") or _image_name(root, subtype, int(each["image_id"])))
            given = _texts(answers.get(each["question_id"]))
            if not given:
                reason = f"question {each['question_id']} has no answer"
                skips.append(Skip(source, SkipCode.UNREADABLE, reason))
                continue
            choices = _texts(each.get("multiple_choices") or ())
            read = partial(_bytes_within, root, name)
            yield PictureQuestion(name, str(each["question"]).strip(), given, choices, read)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        told = f"it is no file of VQA questions ({type(error).__name__}: {error})"
        raise SourceUnreadable(str(source), told) from error


def _document(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise SourceUnreadable(str(path), f"it is no JSON ({error})") from error
    if not isinstance(found, Mapping):
        raise SourceUnreadable(str(path), "it is no JSON object")
    return found


def _annotations_of(source: Path) -> Path:
    """The file of annotations beside: `annotations.json`, or named as the data sets name it."""
    told = source.name.replace("questions", "annotations")
    names = (told, told.replace("OpenEnded_", ""), told.replace("MultipleChoice_", ""))
    for name in dict.fromkeys((*names, "annotations.json")):
        if name != source.name and (source.parent / name).is_file():
            return source.parent / name
    raise SourceUnreadable(str(source), f"its answers are not beside it ({names[1]})")


def _image_name(root: Path, subtype: str, image_id: int) -> str:
    """The picture of a number as COCO names it: `COCO_val2014_000000000042.jpg`, or without."""
    plain = f"{image_id:012}.jpg"
    long = f"COCO_{subtype}_{plain}"
    there = (name for name in (long, f"{subtype}/{long}", plain) if (root / name).is_file())
    return next(there, long if subtype else plain)


def _bytes_within(root: Path, name: str) -> bytes:
    path = root / name
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise FileNotFoundError(2, "it would lie outside the folder", name)
    return path.read_bytes()
