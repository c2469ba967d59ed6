"""What a run starts from: any model that clipsearch can name, as a module that can be trained."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from clipsearch.errors import TowerMissing
from clipsearch.towers.builtin import BUILTIN_FOLDER, is_builtin
from clipsearch.towers.folder import is_tower_folder
from clipsearch.towers.names import OPEN_CLIP_CONFIG, TowerName, parse_tower_name
from clipsearch.towers.open_clip_model import LoadedModel, build_model
from clipsearch.towers.open_clip_source import (
    Source,
    find_source,
    import_open_clip,
    input_preprocessing,
)
from clipsearch.training.tuning.balance import balance_dead_dimensions

SCRATCH = "scratch:"
"""`scratch:ARCHITECTURE` begins with random weights."""

OPENAI = {
    "mean": (0.48145466, 0.4578275, 0.40821073),
    "std": (0.26862954, 0.26130258, 0.27577711),
}


@dataclass(frozen=True)
class Start:
    """A model to begin from; `fresh` if its weights are random; `digest` tells it from others."""

    name: str
    model: LoadedModel
    digest: str
    fresh: bool = False


def load_start(name: str, work: Path, seed: int) -> Start:
    """Load a model by any of its spellings; `work` takes the built-in towers, unpacked.

    Raises TowerMissing, TowerUnsafe, ExtraMissing.
    """
    if name.startswith(SCRATCH):
        return _fresh(name.removeprefix(SCRATCH), seed)
    source = find_source(trainable_name(name, work))
    loaded = build_model(source)
    balance_dead_dimensions(loaded.module)
    return Start(name, loaded, loaded.digest())


def trainable_name(name: str, work: Path) -> TowerName:
    """The name of the same towers where torch can train them. Raises TowerMissing."""
    if is_builtin(name):
        # The package is imported here: whoever names another model needs none of it.
        from clipsearch.training.unpack import write_open_clip_folder

        folder = work / "builtin"
        if not (folder / OPEN_CLIP_CONFIG).is_file():
            write_open_clip_folder(BUILTIN_FOLDER, folder)
        return TowerName("open_clip_folder", str(folder.resolve()))
    found = parse_tower_name(name)
    if found.kind != "exported_folder":
        return found
    if not (Path(found.model) / OPEN_CLIP_CONFIG).is_file():
        reason = f"{found.model} is an ONNX export without the {OPEN_CLIP_CONFIG} to train it by"
        raise TowerMissing(name, reason)
    return replace(found, kind="open_clip_folder")


def is_model_folder(path: Path) -> bool:
    """Whether a finished model stands there."""
    return is_tower_folder(path) or (path / OPEN_CLIP_CONFIG).is_file()


def _fresh(architecture: str, seed: int) -> Start:
    """An architecture of open_clip with random weights; pictures prepared as for OpenAI's CLIP."""
    open_clip = import_open_clip()
    model_cfg = open_clip.get_model_config(architecture)
    if model_cfg is None:
        raise TowerMissing(architecture, "open_clip has no architecture of that name")
    torch.manual_seed(seed)
    module: Any = open_clip.create_model(architecture, pretrained_hf=False).float()
    prepared = {**OPENAI, "interpolation": "bicubic", "resize_mode": "shortest"}
    name = TowerName("open_clip", architecture, "random")
    source = Source(name, model_cfg, prepared, Path(), architecture)
    model = LoadedModel(
        source=source,
        module=module,
        tokenizer=open_clip.get_tokenizer(architecture),
        preprocessing=input_preprocessing(source, module.visual.image_size),
        dim=int(model_cfg["embed_dim"]),
        logit_scale=float(module.logit_scale.exp()),
    )
    return Start(f"{SCRATCH}{architecture}", model, f"random {seed}", fresh=True)
