"""Small captioners of transformers with random weights, saved to disk as users' models are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import open_clip
import torch
import transformers
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

_transformers: Any = transformers  # half of it is typed
WORDS = ("a", "red", "green", "blue", "square", "on", "paper", "dog", "runs", ".")
SIDE = 32


def word_tokenizer() -> Any:
    """A tokenizer that knows ten words, with the special tokens of a BERT."""
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    vocabulary = {piece: place for place, piece in enumerate(pieces)}
    library = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    library.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    library.decoder = decoders.WordPiece()
    return _transformers.BertTokenizerFast(
        tokenizer_object=library, bos_token="[CLS]", eos_token="[SEP]", pad_token="[PAD]"
    )


def write_vit_gpt2(folder: Path, seed: int = 0) -> Path:
    """A vision-encoder-decoder: a ViT that looks and a GPT-2 that writes."""
    tokenizer = word_tokenizer()
    vit = _transformers.ViTConfig(
        hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64,
        image_size=SIDE, patch_size=8,
    )  # fmt: skip
    gpt2 = _transformers.GPT2Config(
        vocab_size=len(tokenizer), n_positions=64, n_embd=32, n_layer=1, n_head=2,
        bos_token_id=2, eos_token_id=3, pad_token_id=0,
    )  # fmt: skip
    both = _transformers.VisionEncoderDecoderConfig.from_encoder_decoder_configs(vit, gpt2)
    both.decoder_start_token_id, both.pad_token_id, both.eos_token_id = 2, 0, 3
    torch.manual_seed(seed)
    model = _transformers.VisionEncoderDecoderModel(config=both)
    model.generation_config.decoder_start_token_id = 2
    model.generation_config.eos_token_id, model.generation_config.pad_token_id = 3, 0
    _save(folder, model, tokenizer, _transformers.ViTImageProcessor(size=_square()))
    return folder


def write_blip(folder: Path, seed: int = 0) -> Path:
    """A BLIP: a ViT, and a BERT that attends to it."""
    config = _blip_config(tokenizer := word_tokenizer())
    torch.manual_seed(seed)
    model = _transformers.BlipForConditionalGeneration(config)
    images = _transformers.BlipImageProcessor(size=_square())
    _save(folder, model, _transformers.BlipProcessor(images, tokenizer))
    return folder


def _blip_config(tokenizer: Any) -> Any:
    text = {
        "vocab_size": len(tokenizer), "hidden_size": 32, "encoder_hidden_size": 32,
        "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2,
        "max_position_embeddings": 64, "bos_token_id": 2, "eos_token_id": 3, "sep_token_id": 3,
        "pad_token_id": 0, "projection_dim": 16,
    }  # fmt: skip
    vision = {
        "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1,
        "num_attention_heads": 2, "image_size": SIDE, "patch_size": 8, "projection_dim": 16,
    }  # fmt: skip
    return _transformers.BlipConfig(text_config=text, vision_config=vision, projection_dim=16)


def write_vilt(folder: Path, seed: int = 0) -> Path:
    """A ViLT that chooses among four answers."""
    names = dict(enumerate(("yes", "no", "red", "2")))
    tokenizer = word_tokenizer()
    config = _transformers.ViltConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=64, image_size=SIDE, patch_size=8, max_position_embeddings=40,
        id2label=names, label2id={name: at for at, name in names.items()},
    )  # fmt: skip
    torch.manual_seed(seed)
    images = _transformers.ViltImageProcessor(size={"shortest_edge": SIDE}, size_divisor=8)
    model = _transformers.ViltForQuestionAnswering(config)
    _save(folder, model, _transformers.ViltProcessor(images, tokenizer))
    return folder


def write_blip_vqa(folder: Path, seed: int = 0) -> Path:
    """A BLIP that writes its answers."""
    config = _blip_config(tokenizer := word_tokenizer())
    torch.manual_seed(seed)
    model = _transformers.BlipForQuestionAnswering(config)
    images = _transformers.BlipImageProcessor(size=_square())
    _save(folder, model, _transformers.BlipProcessor(images, tokenizer))
    return folder


def write_git(folder: Path, seed: int = 0) -> Path:
    """A GIT: pictures and words in one decoder."""
    tokenizer = word_tokenizer()
    vision = {
        "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1,
        "num_attention_heads": 2, "image_size": SIDE, "patch_size": 8,
    }  # fmt: skip
    config = _transformers.GitConfig(
        vision_config=vision, vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=1,
        num_attention_heads=2, intermediate_size=64, max_position_embeddings=64,
        bos_token_id=2, eos_token_id=3, pad_token_id=0,
    )  # fmt: skip
    torch.manual_seed(seed)
    model = _transformers.GitForCausalLM(config)
    images = _transformers.CLIPImageProcessor(size={"shortest_edge": SIDE}, crop_size=_square())
    _save(folder, model, _transformers.GitProcessor(images, tokenizer))
    return folder


def write_florence2(folder: Path, seed: int = 0) -> Path:
    """A Florence-2: a DaViT that looks, and a BART that is asked by a word for its task."""
    tokenizer = _transformers.BertTokenizerFast(
        tokenizer_object=word_tokenizer().backend_tokenizer,
        bos_token="[CLS]", eos_token="[SEP]", pad_token="[PAD]",
        model_input_names=["input_ids", "attention_mask"],
        extra_special_tokens={"image_token": "<image>"},
    )  # fmt: skip
    vision = {
        "depths": (1, 1), "patch_size": (7, 3), "patch_stride": (4, 2), "patch_padding": (3, 1),
        "patch_prenorm": (False, True), "embed_dim": (16, 32), "num_heads": (2, 2),
        "num_groups": (2, 2), "window_size": 4, "projection_dim": 32,
        "max_position_embeddings": 16, "max_temporal_embeddings": 4,
    }  # fmt: skip
    text = {
        "model_type": "bart", "vocab_size": len(tokenizer), "d_model": 32, "encoder_layers": 1,
        "decoder_layers": 1, "encoder_attention_heads": 2, "decoder_attention_heads": 2,
        "encoder_ffn_dim": 64, "decoder_ffn_dim": 64, "max_position_embeddings": 128,
        "bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 0, "decoder_start_token_id": 2,
    }  # fmt: skip
    config = _transformers.Florence2Config(
        vision_config=vision, text_config=text, image_token_id=tokenizer.image_token_id,
        bos_token_id=2, eos_token_id=3, pad_token_id=0,
    )  # fmt: skip
    torch.manual_seed(seed)
    model = _transformers.Florence2ForConditionalGeneration(config)
    images = _transformers.CLIPImageProcessor(size=_square(), do_center_crop=False)
    images.image_seq_length = (SIDE // 8) ** 2 + 1  # its places, and one for all of them
    _save(folder, model, _transformers.Florence2Processor(images, tokenizer))
    return folder


def write_coca(folder: Path, seed: int = 0) -> Path:
    """A CoCa of open_clip: towers, and a decoder that attends to both."""
    text = {
        "context_length": 76, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1,
        "embed_cls": True, "output_tokens": True,
    }  # fmt: skip
    vision = {
        "image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 8,
        "attentional_pool": True, "attn_pooler_heads": 2, "attn_pooler_queries": 8,
        "output_tokens": True,
    }  # fmt: skip
    both = {"context_length": 76, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1}
    config = {
        "embed_dim": 32, "vision_cfg": vision, "text_cfg": text,
        "multimodal_cfg": {**both, "attn_pooler_heads": 2}, "custom_text": True,
    }  # fmt: skip
    folder.mkdir(parents=True)
    torch.manual_seed(seed)
    model = open_clip.CoCa(**{name: part for name, part in config.items() if name != "custom_text"})
    for weights in model.parameters():  # open_clip leaves some of them as the memory was
        torch.nn.init.normal_(weights, std=0.2)
    tensors = {name: tensor.contiguous().clone() for name, tensor in model.state_dict().items()}
    save_file(tensors, folder / "open_clip_model.safetensors")
    described = {"model_cfg": config, "preprocess_cfg": {"mean": [0.5] * 3, "std": [0.5] * 3}}
    (folder / "open_clip_config.json").write_text(json.dumps(described))
    return folder


def _square() -> dict[str, int]:
    return {"height": SIDE, "width": SIDE}


def _save(folder: Path, *parts: Any) -> None:
    for part in parts:
        part.save_pretrained(folder)
