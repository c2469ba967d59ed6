"""Builds an open_clip model from its parts; its weights are read as data, never run."""

from __future__ import annotations

import copy
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clipsearch.errors import TowerMissing, TowerUnsafe
from clipsearch.towers.folder import weights_digest
from clipsearch.towers.open_clip_source import Source, import_open_clip, input_preprocessing
from clipsearch.values import Preprocessing


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model in memory (a torch module in eval mode), with all that tells how to use it."""

    source: Source
    module: Any
    tokenizer: Any
    preprocessing: Preprocessing
    dim: int
    logit_scale: float

    def digest(self) -> str:
        """sha256 (hex) over weights and preprocessing: the same for torch and for its export."""
        return weights_digest(self.source.weights_entries(), self.preprocessing)


def build_model(source: Source) -> LoadedModel:
    """Build a model on the CPU in float32 and fill in its weights.

    Raises TowerUnsafe for a checkpoint that would run code, TowerMissing for one that does not
    fit its configuration, ExtraMissing without open_clip.
    """
    open_clip = import_open_clip()
    refuse_pickled_code(source.weights)
    try:
        module = _empty_module(open_clip, source)
        open_clip.factory.load_checkpoint(module, str(source.weights), weights_only=True)
        tokenizer = open_clip.get_tokenizer(source.tokenizer)
    except Exception as error:  # open_clip, timm and transformers raise what they like
        told = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise TowerMissing(str(source.name), f"it cannot be built ({told})") from error
    module = module.float().eval().requires_grad_(False)
    return LoadedModel(
        source=source,
        module=module,
        tokenizer=tokenizer,
        preprocessing=input_preprocessing(source, module.visual.image_size),
        dim=int(source.model_cfg["embed_dim"]),
        logit_scale=float(module.logit_scale.exp()),
    )


def refuse_pickled_code(weights: Path) -> None:
    """Raise TowerUnsafe unless the checkpoint is safetensors or holds tensors alone.

    open_clip reads with `weights_only` too, but falls back when that raises a TypeError.
    """
    if weights.suffix in (".safetensors", ".npz"):
        return
    import torch

    try:
        torch.load(weights, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise TowerUnsafe(weights, "it is a pickle that would run code") from error
    except Exception as error:
        reason = f"it cannot be read as tensors ({type(error).__name__})"
        raise TowerUnsafe(weights, reason) from error


def _empty_module(open_clip: Any, source: Source) -> Any:
    """The module of a `model_cfg`, its weights random: what open_clip's create_model builds."""
    config = copy.deepcopy(dict(source.model_cfg))
    custom_text = config.pop("custom_text", False)
    if "timm_model_name" in config["vision_cfg"]:
        config["vision_cfg"]["timm_model_pretrained"] = False
    if "hf_model_name" in config["text_cfg"]:
        config["text_cfg"]["hf_model_pretrained"] = False
        custom_text = True
    if "multimodal_cfg" in config:
        return open_clip.CoCa(**config)
    return (open_clip.CustomTextCLIP if custom_text else open_clip.CLIP)(**config)
