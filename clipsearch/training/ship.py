"""The shipped form of the pair of towers: ONNX files, tokenizer and `tower.json`."""

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from open_clip import CustomTextCLIP

from clipsearch.towers.folder import IMAGE_INT8
from clipsearch.training.durable_files import written_durably
from clipsearch.training.export import (
    export_image_tower,
    export_text_tower,
    quantise_text_tower,
)
from clipsearch.training.export_check import check_image_tower, check_text_tower
from clipsearch.training.model import (
    DIMENSION,
    MOST_TOKENS,
    SIDE,
    TEXT_CONFIG,
    model_config,
    trunk_config,
)

NAME = "builtin-5"
IMAGE_FILE = "image.onnx"
TEXT_FILE = "text.onnx"
VOCABULARY_FILE = "vocab.txt"
DESCRIPTION_FILE = "tower.json"
WEIGHTS = (IMAGE_FILE, TEXT_FILE, VOCABULARY_FILE)  # all else is made of them
HALF = (0.5, 0.5, 0.5)


@dataclass(frozen=True)
class Provenance:
    """What is told about a training: its command, its data, its date and its seed."""

    recipe: str
    data: tuple[str, ...]
    date: str
    seed: int


def export_pair(model: CustomTextCLIP, vocabulary: Path, work: Path, out: Path) -> None:
    """Write the ONNX files and the vocabulary; the exact text tower stays in `work`.

    Raises ExportDiffers when a written tower does not say what the model says.
    """
    export_image_tower(model, out / IMAGE_FILE)
    export_text_tower(model, work / "text.float32.onnx")
    quantise_text_tower(work / "text.float32.onnx", out / TEXT_FILE)
    check_image_tower(model, out / IMAGE_FILE)
    check_text_tower(model, out / TEXT_FILE)
    with written_durably(out / VOCABULARY_FILE) as unfinished:
        shutil.copyfile(vocabulary, unfinished)


def describe_pair(
    model: CustomTextCLIP, trunk: str, measures: Mapping[str, Any], trained: Provenance, out: Path
) -> None:
    """Write `tower.json`, last of all: a folder without it is not finished."""
    weights = {name: _file_facts(out / name) for name in WEIGHTS}
    description = {
        "format": 1,
        "name": NAME,
        "dim": DIMENSION,
        "preprocessing": preprocessing(),
        "text": {"tokenizer": VOCABULARY_FILE, "max_tokens": MOST_TOKENS, "languages": ["en"]},
        "logit_scale": round(model.get_parameter("logit_scale").exp().item(), 4),
        "files": {**weights, IMAGE_INT8: _file_facts(out / IMAGE_INT8)},
        "weights": weights,
        "open_clip": {
            "model_cfg": model_config(),
            "image_config": trunk_config(trunk),
            "text_config": dict(TEXT_CONFIG),
        },
        "measures": dict(measures),
        "trained": {
            "recipe": trained.recipe,
            "data": list(trained.data),
            "date": trained.date,
            "seed": trained.seed,
        },
    }
    with written_durably(out / DESCRIPTION_FILE) as unfinished:
        unfinished.write_text(json.dumps(description, indent=2, ensure_ascii=False) + "\n")


def preprocessing() -> dict[str, Any]:
    """Say how a picture becomes pixels: the whole picture squashed, -1..1."""
    return {
        "size": [SIDE, SIDE],
        "mode": "squash",
        "interpolation": "bilinear",
        "mean": list(HALF),
        "std": list(HALF),
    }


def _file_facts(path: Path) -> dict[str, int | str]:
    """Give size and SHA-256 of a file."""
    content = path.read_bytes()
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
