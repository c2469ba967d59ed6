"""Where an open_clip model's parts lie: its configuration, weights, preprocessing and tokenizer.

Nothing here builds a model. Downloads go through open_clip's own use of the Hugging Face client,
so HF_HOME, HF_ENDPOINT and HF_HUB_OFFLINE are obeyed.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clipsearch.errors import ExtraMissing, TowerMissing
from clipsearch.towers.folder import FileEntry, file_entry
from clipsearch.towers.names import OPEN_CLIP_CONFIG, TowerName, find_weights
from clipsearch.values import Preprocessing

_OPENAI_MEAN = (0.48145466, 0.4578275, 0.40821073)
_OPENAI_STD = (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True, slots=True)
class Source:
    """The parts of a model: open_clip's `model_cfg`, `preprocess_cfg`, weights, tokenizer name."""

    name: TowerName
    model_cfg: Mapping[str, Any]
    preprocess_cfg: Mapping[str, Any]
    weights: Path
    tokenizer: str
    notes: tuple[str, ...] = ()

    def weights_entries(self) -> dict[str, FileEntry]:
        """The weights by name with size and digest; they are read whole."""
        return {self.weights.name: file_entry(self.weights)}


def import_open_clip() -> Any:
    """Import open_clip (seconds, and torch with it). Raises ExtraMissing."""
    try:
        import open_clip
        import transformers  # noqa: F401  open_clip asks for it only when a text tower needs it
    except ImportError as error:
        raise ExtraMissing("torch", "running or exporting an open_clip model") from error
    return open_clip


def find_source(name: TowerName) -> Source:
    """Find, and download where it must, the parts of a model.

    Raises TowerMissing for what cannot be had or does not say how pictures are prepared,
    ExtraMissing without open_clip.
    """
    if name.kind == "open_clip":
        return _published(name)
    if name.kind == "hub":
        return _hub(name)
    if name.kind == "checkpoint":
        return _checkpoint(name)
    return _folder(name)


def input_preprocessing(source: Source, image_size: int | tuple[int, int]) -> Preprocessing:
    """How pictures are prepared: from `preprocess_cfg`, at the size that the built tower takes."""
    found = source.preprocess_cfg
    height, width = image_size if isinstance(image_size, tuple | list) else (image_size,) * 2
    mean, std = found["mean"], found["std"]
    interpolation = found.get("interpolation", "bicubic")
    mode = found.get("resize_mode", "shortest")
    known = mode in ("squash", "shortest", "longest") and interpolation in ("bicubic", "bilinear")
    if not known:
        reason = f"its pictures are prepared in a way unknown here ({mode}, {interpolation})"
        raise TowerMissing(str(source.name), reason)
    return Preprocessing(
        height=int(height),
        width=int(width),
        mode=mode,
        interpolation="bilinear" if interpolation == "bilinear" else "bicubic",
        mean=(float(mean[0]), float(mean[1]), float(mean[2])),
        std=(float(std[0]), float(std[1]), float(std[2])),
        fill=int(found.get("fill_color", 0)),
    )


def _published(name: TowerName) -> Source:
    open_clip = import_open_clip()
    published = open_clip.get_pretrained_cfg(name.model, name.weights)
    model_cfg = open_clip.get_model_config(name.model)
    if not published or model_cfg is None:
        raise TowerMissing(str(name), "the installed open_clip does not publish it")
    try:
        weights = Path(open_clip.download_pretrained(published))
    except Exception as error:  # the client has many ways to fail, one meaning
        raise TowerMissing(str(name), f"its weights cannot be fetched ({_told(error)})") from error
    return Source(
        name=name,
        # Weights trained with QuickGELU lose accuracy under GELU, and open_clip only warns.
        model_cfg=model_cfg | ({"quick_gelu": True} if published.get("quick_gelu") else {}),
        preprocess_cfg=published,
        weights=weights,
        tokenizer=name.model,
    )


def _hub(name: TowerName) -> Source:
    import_open_clip()
    from open_clip.pretrained import download_pretrained_from_hf

    repository, _, revision = name.model.partition("@")
    version = {"revision": revision or None}
    try:
        config = download_pretrained_from_hf(repository, filename=OPEN_CLIP_CONFIG, **version)
        weights = download_pretrained_from_hf(repository, **version)
    except Exception as error:
        raise TowerMissing(str(name), f"it cannot be fetched ({_told(error)})") from error
    model_cfg, preprocess_cfg = _read_config(name, Path(config))
    return Source(name, model_cfg, preprocess_cfg, Path(weights), f"hf-hub:{repository}")


def _folder(name: TowerName) -> Source:
    folder = Path(name.model)
    model_cfg, preprocess_cfg = _read_config(name, folder / OPEN_CLIP_CONFIG)
    return Source(
        name=name,
        model_cfg=with_absolute_folders(model_cfg, folder),
        preprocess_cfg=preprocess_cfg,
        weights=find_weights(folder),
        tokenizer=f"local-dir:{folder}",
    )


def _checkpoint(name: TowerName) -> Source:
    """A file of weights: its architecture is named, its preprocessing is the architecture's."""
    open_clip = import_open_clip()
    model_cfg = open_clip.get_model_config(name.model)
    if model_cfg is None:
        raise TowerMissing(str(name), f"open_clip has no architecture {name.model!r}")
    tags = open_clip.list_pretrained_tags_by_model(name.model)
    ways = [_way(open_clip.get_pretrained_cfg(name.model, tag)) for tag in tags]
    way = ways[0] if ways else _way({})
    note = (
        f"{name.weights} does not say how its pictures were prepared; {name.model} is taken to "
        f"use {way['resize_mode']}, {way['interpolation']}, mean {way['mean']}"
    )
    agreed = bool(ways) and all(each == way for each in ways)
    return Source(
        name=name,
        model_cfg=model_cfg,
        preprocess_cfg=way,
        weights=Path(name.weights),
        tokenizer=name.model,
        notes=() if agreed else (note,),
    )


def _way(published: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "mean": tuple(published.get("mean", _OPENAI_MEAN)),
        "std": tuple(published.get("std", _OPENAI_STD)),
        "interpolation": published.get("interpolation", "bicubic"),
        "resize_mode": published.get("resize_mode", "shortest"),
    }


def _read_config(name: TowerName, path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """`model_cfg` and `preprocess_cfg`; a folder without the latter is refused.

    open_clip would prepare its pictures as OpenAI's CLIP without a word (open_clip#1068).
    """
    try:
        config = json.loads(path.read_bytes())
        model_cfg, preprocess_cfg = dict(config["model_cfg"]), config.get("preprocess_cfg") or {}
        missing = sorted({"mean", "std"} - set(preprocess_cfg))
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = f"{OPEN_CLIP_CONFIG} cannot be read ({_told(error)})"
        raise TowerMissing(str(name), reason) from error
    if missing:
        reason = (
            f"the preprocess_cfg of its {OPEN_CLIP_CONFIG} lacks {' and '.join(missing)}, so how "
            "its pictures are prepared is unknown; add them"
        )
        raise TowerMissing(str(name), reason)
    return model_cfg, dict(preprocess_cfg)


def with_absolute_folders(model_cfg: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """A `model_cfg` whose inner models are named by absolute paths.

    open_clip reads `hf_model_name` relative to the working directory. An empty or relative name
    is looked for inside the folder; by convention `text` holds the text model's config.json and
    `image` the timm one's.
    """
    filled = copy.deepcopy(dict(model_cfg))
    text, vision = filled["text_cfg"], filled["vision_cfg"]
    if "hf_model_name" in text and (inner := _inner(folder, text["hf_model_name"], "text")):
        text["hf_model_name"] = str(inner)
    if "timm_model_name" in vision and _is_left_behind(vision["timm_model_name"]):
        vision["timm_model_name"] = f"local-dir:{folder / 'image'}"
    return filled


def _is_left_behind(named: str) -> bool:
    """Whether a timm model is named by no name, or by a folder that is not there any more."""
    place = Path(named.removeprefix("local-dir:"))
    return not named or (named.startswith("local-dir:") and not (place / "config.json").is_file())


def _inner(folder: Path, named: str, usual: str) -> Path | None:
    """The folder inside `folder` that holds a config.json, if there is one."""
    candidates = [folder / named] if named else []
    for place in (*candidates, folder / usual, folder):
        if (place / "config.json").is_file():
            return place.resolve()
    return None


def _told(error: BaseException) -> str:
    """An error in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
