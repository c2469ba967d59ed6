"""A captioner on disk: two ONNX graphs and its words, described by its captioner.json."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clipsearch.captioning_errors import CaptionerMissing

DESCRIPTION = "captioner.json"
LOOK, STEP, WORDS = "captioner.look.onnx", "captioner.step.onnx", "captioner.words.json"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Calibration:
    """From what is known of a caption to the probability that it is a good one.

    `1 / (1 + exp(-(bias + weights . (mean, least, detail, fit))))`; see `confidence.py`. Of
    captioners that were calibrated before there was a fit, its weight is 0.
    """

    bias: float
    weights: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Classes:
    """What the head of the image tower detects: unit `first` of its first layer is the detector of
    the first sentence ("a photo of a tench"), and so on."""

    first: int
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CaptionerFolder:
    """What captioner.json says, and where it stands.

    `tower` names the towers it was trained on, `tower_digest` is that of their image tower.
    `longest` is the most tokens of a caption, `classes` what the tower's head detects, if any.
    """

    path: Path
    name: str
    tower: str
    tower_digest: str
    longest: int
    calibration: Calibration
    classes: Classes | None = None

    @property
    def source(self) -> str:
        """The source of its captions: `generated:NAME`."""
        return f"generated:{self.name}"


def read_captioner_folder(path: Path) -> CaptionerFolder:
    """Read captioner.json and hold the files against it. Raises CaptionerMissing."""
    try:
        described = json.loads((path / DESCRIPTION).read_bytes())
        if described["format"] != FORMAT:
            raise CaptionerMissing(path, f"its format {described['format']!r} is not {FORMAT}")
        _check_files(path, described["files"])
        return _from_json(path, described)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"{DESCRIPTION} cannot be read ({type(error).__name__}: {error})"
        raise CaptionerMissing(path, reason) from error


def _check_files(path: Path, entries: Mapping[str, Mapping[str, Any]]) -> None:
    """Small as they are, the files are read whole: a changed byte is found before it is run."""
    for name in (LOOK, STEP, WORDS):
        file = path / name
        if file.is_symlink() or not file.is_file():
            raise CaptionerMissing(path, f"{name} is not there, or no file")
        content = file.read_bytes()
        entry = entries[name]
        if hashlib.sha256(content).hexdigest() != entry["sha256"]:
            raise CaptionerMissing(path, f"{name} is damaged: its sha256 differs")


def _from_json(path: Path, found: Mapping[str, Any]) -> CaptionerFolder:
    bias, weights = found["calibration"]["bias"], found["calibration"]["weights"]
    mean, least, detail, fit = map(float, weights if len(weights) > 3 else (*weights, 0.0))
    return CaptionerFolder(
        path=path,
        name=str(found["name"]),
        tower=str(found["tower"]["name"]),
        tower_digest=str(found["tower"]["image_sha256"]),
        longest=int(found["longest"]),
        classes=_classes(found.get("classes")),
        calibration=Calibration(float(bias), (mean, least, detail, fit)),
    )


def _classes(found: Mapping[str, Any] | None) -> Classes | None:
    if found is None:
        return None
    classes = Classes(int(found["first"]), tuple(str(each) for each in found["sentences"]))
    if classes.first < 0 or len(set(classes.sentences)) < 2:
        raise ValueError("its classes are not two or more, from a unit of the head on")
    return classes
