"""Small open_clip models with random weights, saved to disk as users' models are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import open_clip
import torch
from safetensors.torch import save_file

PREPROCESS = {
    "size": 32,
    "mode": "RGB",
    "mean": [0.48, 0.46, 0.41],
    "std": [0.27, 0.26, 0.28],
    "interpolation": "bicubic",
    "resize_mode": "shortest",
    "fill_color": 0,
}

VISION = {"image_size": 32, "layers": 2, "width": 64, "head_width": 16, "patch_size": 8}

CLIP_CONFIG: dict[str, Any] = {
    "embed_dim": 32,
    "vision_cfg": VISION,
    "text_cfg": {
        "context_length": 77,
        "vocab_size": 49408,
        "width": 32,
        "heads": 2,
        "layers": 2,
    },
}

BERT_CONFIG = {
    "architectures": ["BertModel"],
    "hidden_act": "gelu",
    "hidden_size": 32,
    "intermediate_size": 64,
    "max_position_embeddings": 64,
    "model_type": "bert",
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
    "pad_token_id": 0,
    "type_vocab_size": 2,
}

HF_TEXT_CONFIG: dict[str, Any] = {
    "embed_dim": 32,
    "custom_text": True,
    "vision_cfg": VISION,
    "text_cfg": {
        "context_length": 24,
        "hf_model_name": "text",
        "hf_model_pretrained": False,
        "hf_tokenizer_name": "local",
        "hf_pooler_type": "mean_pooler",
        "hf_proj_type": "mlp",
    },
}

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
PIECES = [
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]",
    *LETTERS, *".,!?'-;:&<>()", *(f"##{letter}" for letter in LETTERS),
    "dog", "cat", "beach", "photo", "##ing", "red", "of", "the", "two",
]  # fmt: skip


def write_clip_folder(folder: Path, seed: int = 0) -> Path:
    """An ordinary CLIP: a ViT, and CLIP's own text tower and tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_config(folder, CLIP_CONFIG)
    torch.manual_seed(seed)
    _save(open_clip.CLIP(**CLIP_CONFIG), folder)
    return folder


def write_hf_text_folder(folder: Path, seed: int = 0) -> Path:
    """A ViT with a BERT of transformers, whose own configuration lies in `text`."""
    (folder / "text").mkdir(parents=True, exist_ok=True)
    config = BERT_CONFIG | {"vocab_size": len(PIECES)}
    (folder / "text" / "config.json").write_text(json.dumps(config))
    _write_config(folder, HF_TEXT_CONFIG)
    write_bert_tokenizer(folder)
    torch.manual_seed(seed)
    filled = {key: value for key, value in HF_TEXT_CONFIG.items() if key != "custom_text"}
    filled["text_cfg"] = filled["text_cfg"] | {"hf_model_name": str(folder / "text")}
    _save(open_clip.CustomTextCLIP(**filled), folder)
    return folder


def write_bert_tokenizer(folder: Path) -> None:
    """The files that transformers reads a BERT tokenizer from."""
    from tokenizers import BertWordPieceTokenizer

    vocabulary = {piece: position for position, piece in enumerate(PIECES)}
    library = BertWordPieceTokenizer(vocabulary, lowercase=True)
    library.save(str(folder / "tokenizer.json"))
    described = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "pad_token": "[PAD]"}
    (folder / "tokenizer_config.json").write_text(json.dumps(described))
    (folder / "vocab.txt").write_text("\n".join(PIECES) + "\n")


def _write_config(folder: Path, model_cfg: dict[str, Any]) -> None:
    described = {"model_cfg": model_cfg, "preprocess_cfg": PREPROCESS}
    (folder / "open_clip_config.json").write_text(json.dumps(described))


def _save(model: torch.nn.Module, folder: Path) -> None:
    tensors = {name: tensor.contiguous().clone() for name, tensor in model.state_dict().items()}
    save_file(tensors, folder / "open_clip_model.safetensors")
