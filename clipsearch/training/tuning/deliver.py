"""The trained model as an ordinary open_clip folder with its ONNX export beside the weights."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from clipsearch.durable import durable_folder, named_disk_errors, sync_file, sync_folder
from clipsearch.towers.export import ExportRefused, export_model
from clipsearch.towers.folder import DESCRIPTION
from clipsearch.towers.names import OPEN_CLIP_CONFIG, TowerName
from clipsearch.towers.open_clip_model import LoadedModel
from clipsearch.towers.open_clip_source import Source
from clipsearch.values import Preprocessing

WEIGHTS = "open_clip_model.safetensors"
STORY = "training.json"
LOCAL = "local-dir:"


def deliver(model: LoadedModel, out: Path, story: Mapping[str, Any]) -> str | None:
    """Write the folder `out` in place of what stood there, whole or not at all.

    `story` is written beside the weights as training.json. Gives the reason if the model cannot
    be exported to ONNX: then it runs in torch. Raises StorageFull, HomeUnwritable.
    """
    refused = None
    with named_disk_errors(out):
        fresh = out.with_name(f".{out.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        with durable_folder(fresh) as unfinished:
            _write_open_clip(model, unfinished, out)
            refused = _write_export(model, unfinished, out)
            (unfinished / STORY).write_text(json.dumps(dict(story), indent=1) + "\n")
            for each in unfinished.rglob("*"):
                (sync_folder if each.is_dir() else sync_file)(each)
        _exchange(fresh, out)
    return refused


def _exchange(fresh: Path, out: Path) -> None:
    """Put `fresh` in the place of `out`; what stood there is dropped last."""
    before = out.with_name(f".{out.name}.before")
    shutil.rmtree(before, ignore_errors=True)
    if out.exists():
        out.replace(before)
    try:
        fresh.replace(out)
    except OSError:
        if before.exists():
            before.replace(out)
        raise
    sync_folder(out.parent)
    shutil.rmtree(before, ignore_errors=True)


def _write_open_clip(model: LoadedModel, folder: Path, final: Path) -> None:
    """Config, weights and tokenizer; inner configurations in `image` and `text`."""
    model_cfg = json.loads(json.dumps(dict(model.source.model_cfg)))
    text, vision = model_cfg["text_cfg"], model_cfg["vision_cfg"]
    inner = getattr(getattr(model.module, "text", None), "config", None)
    if inner is not None:
        inner.save_pretrained(folder / "text")
        text["hf_model_name"], text["hf_model_pretrained"] = str(final / "text"), False
        text["hf_tokenizer_name"] = "local"
    named = str(vision.get("timm_model_name", ""))
    if named.startswith(LOCAL):
        (folder / "image").mkdir()
        shutil.copy(Path(named.removeprefix(LOCAL)) / "config.json", folder / "image")
        vision["timm_model_name"] = f"{LOCAL}{final / 'image'}"
    if "timm_model_name" in vision:
        vision["timm_model_pretrained"] = False
    if hasattr(model.tokenizer, "tokenizer"):
        model.tokenizer.tokenizer.save_pretrained(folder)
        text["hf_tokenizer_name"] = "local"
    config = {"model_cfg": model_cfg, "preprocess_cfg": _preprocess_cfg(model.preprocessing)}
    (folder / OPEN_CLIP_CONFIG).write_text(json.dumps(config, indent=2) + "\n")
    state = model.module.state_dict()
    plain = {name: each.detach().cpu().contiguous().clone() for name, each in state.items()}
    save_file(plain, folder / WEIGHTS)


def _write_export(model: LoadedModel, folder: Path, final: Path) -> str | None:
    """The export, made in a folder of its own, and moved up file by file."""
    apart = folder / "onnx"
    apart.mkdir()
    name = TowerName("open_clip_folder", str(final))
    source = Source(name, {}, {}, folder / WEIGHTS, "")
    module = model.module.cpu().float().eval()
    scale = float(module.logit_scale.detach().exp())
    try:
        export_model(replace(model, source=source, module=module, logit_scale=scale), apart)
    except ExportRefused as error:
        shutil.rmtree(apart)
        return str(error)
    for each in sorted(apart.iterdir(), key=lambda path: path.name == DESCRIPTION):
        # transformers and the towers read the same tokenizer.json
        each.replace(folder / each.name)
    apart.rmdir()
    return None


def _preprocess_cfg(preprocessing: Preprocessing) -> dict[str, Any]:
    """As open_clip reads it."""
    return {
        "size": [preprocessing.height, preprocessing.width],
        "mode": "RGB",
        "mean": list(preprocessing.mean),
        "std": list(preprocessing.std),
        "interpolation": preprocessing.interpolation,
        "resize_mode": preprocessing.mode,
        "fill_color": preprocessing.fill,
    }
