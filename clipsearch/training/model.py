"""The built-in pair of towers as an ordinary open_clip model."""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch
from open_clip import CustomTextCLIP
from torch import nn

DIMENSION: Final = 640
SIDE: Final = 288
MOST_TOKENS: Final = 128
TEXT_WIDTH: Final = 384
IMAGE_WIDTH: Final = 1280

# The BERT of all-MiniLM-L6-v2, without the names of where it was trained.
TEXT_CONFIG: Final[Mapping[str, Any]] = {
    "architectures": ["BertModel"],
    "attention_probs_dropout_prob": 0.1,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": TEXT_WIDTH,
    "initializer_range": 0.02,
    "intermediate_size": 1536,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 512,
    "model_type": "bert",
    "num_attention_heads": 12,
    "num_hidden_layers": 6,
    "pad_token_id": 0,
    "position_embedding_type": "absolute",
    "type_vocab_size": 2,
    "vocab_size": 30522,
}


def model_config() -> dict[str, Any]:
    """Give open_clip's `model_cfg` for a timm trunk joined with MiniLM.

    `timm_model_name` and `hf_model_name` are left empty: they name folders, and a path that
    holds on this machine holds on no other. `fill_in_folders` fills them in.
    """
    return {
        "embed_dim": DIMENSION,
        "custom_text": True,
        "vision_cfg": {
            "image_size": SIDE,
            "timm_model_name": "",
            "timm_model_pretrained": False,
            "timm_pool": "avg",
            "timm_proj": "mlp",
            "timm_proj_bias": True,
        },
        "text_cfg": {
            "context_length": MOST_TOKENS,
            "hf_model_name": "",
            "hf_model_pretrained": False,
            "hf_tokenizer_name": "local",
            "hf_pooler_type": "mean_pooler",
            "hf_proj_type": "mlp",
        },
    }


def trunk_config(trunk: str) -> dict[str, Any]:
    """Give timm's configuration of a trunk."""
    return {
        "architecture": trunk,
        "num_classes": 0,
        "pretrained_cfg": {"input_size": [3, SIDE, SIDE], "pool_size": [9, 9], "num_classes": 0},
    }


def write_config(folder: Path, config: Mapping[str, Any]) -> None:
    """Write a folder that timm or transformers builds from."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(dict(config), indent=1) + "\n")


def fill_in_folders(config: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Give a `model_cfg` that points at the two folders `image` and `text`."""
    return {
        **config,
        "vision_cfg": {
            **config["vision_cfg"],
            "timm_model_name": f"local-dir:{(folder / 'image').resolve()}",
        },
        "text_cfg": {**config["text_cfg"], "hf_model_name": str((folder / "text").resolve())},
    }


def build_model(trunk: str) -> CustomTextCLIP:
    """Build the pair with random weights, offline."""
    with tempfile.TemporaryDirectory() as folder:
        write_config(Path(folder) / "image", trunk_config(trunk))
        write_config(Path(folder) / "text", TEXT_CONFIG)
        model = build_from(model_config(), Path(folder))
    return model.eval()


def build_from(config: Mapping[str, Any], folder: Path) -> CustomTextCLIP:
    """Build the pair of a `model_cfg` from the folders `image` and `text` under `folder`."""
    filled = fill_in_folders(config, folder)
    del filled["custom_text"]
    model: CustomTextCLIP = CustomTextCLIP(**filled)
    return model


def image_trunk(model: nn.Module) -> nn.Module:
    """Give the EfficientNet of the pair."""
    return model.get_submodule("visual.trunk")


def text_trunk(model: nn.Module) -> nn.Module:
    """Give the MiniLM of the pair."""
    return model.get_submodule("text.transformer")


def count_parameters(model: nn.Module) -> int:
    """Count the numbers that training may change."""
    return sum(each.numel() for each in model.parameters())


def use_plain_attention() -> None:
    """Keep torch from its fused attention, which the ONNX exporter cannot follow."""
    torch.backends.mha.set_fastpath_enabled(False)
