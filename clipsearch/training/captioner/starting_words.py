"""Word embeddings to start from: those of the built-in text tower, brought to the width."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor

from clipsearch.training.sentences import minilm_folder, read_tokenizer

EMBEDDINGS = "embeddings.word_embeddings.weight"


def starting_words(tokenizer: Tokenizer, width: int) -> Tensor:
    """MiniLM's input embeddings of each piece, in their first `width` principal directions.

    float32 [vocabulary, width], with the mean square of a random start (1 / width). A piece that
    MiniLM knows as several tokens has their mean. Raises ModuleNotFoundError without MiniLM.
    """
    table = load_file(minilm_folder() / "model.safetensors")[EMBEDDINGS].float().numpy()
    published = read_tokenizer(minilm_folder() / "tokenizer.json")
    published.no_padding()
    pieces = [tokenizer.id_to_token(at) or "" for at in range(tokenizer.get_vocab_size())]
    encoded = published.encode_batch([_bare(each) for each in pieces], add_special_tokens=False)
    rows = np.stack([_mean(table, each.ids) for each in encoded])
    rows -= rows.mean(axis=0)
    _, _, directions = np.linalg.svd(rows, full_matrices=False)
    short = rows @ directions[:width].T
    short *= width**-0.5 / np.sqrt((short**2).mean())
    return torch.from_numpy(short.astype(np.float32))


def _mean(table: NDArray[np.float32], ids: list[int]) -> NDArray[np.float32]:
    mean: NDArray[np.float32] = (table[ids] if ids else table).mean(axis=0)
    return mean


def _bare(piece: str) -> str:
    return piece.replace("\u2581", "").strip("<>")
