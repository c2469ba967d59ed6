"""From texts to the text tower's input: one face for three kinds of tokenizer."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from clipsearch.towers.cleaning import clean_text
from clipsearch.towers.folder import TextInput, TowerFolder

TokenIds = NDArray[np.int64]
"""Token ids or an attention mask, int64 [n, tokens]."""


class Tokenizer(Protocol):
    """Turns texts into ids, cut at a greatest length and never too long for the tower."""

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text, begin and end included, without padding."""


def open_tokenizer(folder: TowerFolder) -> Tokenizer:
    """Open the tokenizer that tower.json names; no library is loaded unless it needs one."""
    path, text = folder.path / folder.text.tokenizer, folder.text
    if path.name == "vocab.txt":
        from clipsearch.towers.wordpiece import WordPiece

        return WordPiece(path, text.max_tokens, text.clean)
    if path.name == "merges.txt":
        from clipsearch.towers.clip_bpe import ClipBPE

        return ClipBPE(path, text.max_tokens, text.clean)
    return LibraryTokenizer(path, text)


class LibraryTokenizer:
    """A tokenizer.json, read by the `tokenizers` package."""

    def __init__(self, path: Path, text: TextInput) -> None:
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        from tokenizers import Tokenizer as Library

        self._library = Library.from_file(str(path))
        self._library.no_padding()
        self._library.enable_truncation(text.max_tokens)
        self._clean = text.clean

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of each text, begin and end included, without padding."""
        whole = (text.encode("utf-8", "replace").decode() for text in texts)
        cleaned = [clean_text(text, self._clean) for text in whole]
        return [list(encoding.ids) for encoding in self._library.encode_batch(cleaned)]


def padded(rows: Sequence[Sequence[int]], text: TextInput) -> tuple[TokenIds, TokenIds]:
    """Bring rows of ids to one length: (ids, attention mask), both int64 [n, tokens]."""
    longest = max((len(row) for row in rows), default=1)
    width = text.max_tokens if text.padding == "max" else longest
    ids = np.full((len(rows), width), text.pad_id, np.int64)
    mask = np.zeros((len(rows), width), np.int64)
    for row, line in enumerate(rows):
        ids[row, : len(line)] = line
        mask[row, : len(line)] = 1
    if text.drop_id is not None:
        ids[ids == text.drop_id] = 0
    return ids, mask
