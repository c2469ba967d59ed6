"""Models of Hugging Face's transformers, by the name of a folder or of the hub."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clipsearch.captioning_errors import CaptionerUnusable
from clipsearch.errors import ExtraMissing

try:
    import transformers
except ModuleNotFoundError as error:
    raise ExtraMissing("captions", "a model of transformers") from error

library: Any = transformers  # half of it is typed


@dataclass(frozen=True, slots=True)
class HfModel:
    """Where a model lies, how it is called (`hf:NAME`, of a folder its own name), what it is."""

    place: str
    name: str
    config: Any


def named_model(name: str) -> HfModel:
    """Read what kind of model it is; no code of a repository is run. Raises CaptionerUnusable."""
    if not name.strip():
        raise CaptionerUnusable("hf:", "no folder and no model of the hub is named behind it")
    folder = Path(name).expanduser()
    place = str(folder) if folder.is_dir() else name
    spoken = f"hf:{folder.resolve().name if folder.is_dir() else name}"
    try:
        config = library.AutoConfig.from_pretrained(place, trust_remote_code=False)
    except Exception as error:  # transformers, its client and its parsers raise what they like
        raise CaptionerUnusable(spoken, told(error)) from error
    return HfModel(place, spoken, config)


def told(error: BaseException) -> str:
    """An error in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
