"""What the captioner is trained and measured on, with all that is computed once."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor

from clipsearch.captions.plain_words import plain
from clipsearch.evaluation_errors import SourceUnreadable
from clipsearch.measures.caption_words import caption_words
from clipsearch.measures.cider import CiderD
from clipsearch.training.captioner.heard import Heard
from clipsearch.training.captioner.packing import Ids
from clipsearch.training.captioner.sights import CachedSights
from clipsearch.training.captioner.vocabulary import token_ids
from clipsearch.training.tuning.material import Pictured


@dataclass(frozen=True)
class Material:
    """Pictures as the tower sees them, their captions as tokens, and the measure for rewards.

    `captions` and `dev_captions` are of the pictures in the order of their sights; `sentences`
    are further captions without pictures, `sentences_heard` makes their embeddings where they
    are learned from.
    """

    tokenizer: Tokenizer
    sights: CachedSights
    captions: list[list[Ids]]
    dev_sights: CachedSights
    dev_captions: list[list[str]]
    sentences: list[Ids]
    sentences_heard: Callable[[], Heard]

    def references(self) -> CiderD:
        """CIDEr-D against the training captions, as the tokens spell them."""
        texts = [self.spelled(own) for own in self.captions]
        return CiderD([[caption_words(text) for text in own] for own in texts])

    def dev_references(self) -> CiderD:
        """CIDEr-D against the dev captions, as people wrote them."""
        return CiderD([[caption_words(text) for text in own] for own in self.dev_captions])

    def spelled(self, captions: Sequence[Ids]) -> list[str]:
        """Tokens as text."""
        return self.tokenizer.decode_batch([list(ids) for ids in captions])


def caption_ids(
    tokenizer: Tokenizer, pictures: Sequence[Pictured], longest: int
) -> list[list[Ids]]:
    """The captions of each picture as tokens."""
    return [
        list(token_ids(tokenizer, [plain(text) for text in each.captions], longest))
        for each in pictures
    ]


def read_sentences(path: Path) -> list[str]:
    """The captions of a table without pictures, .csv or .csv.gz, column caption, title or text.

    Each once, as `plain` writes them, in their order. Raises SourceUnreadable.
    """
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8", newline="") as lines:
            rows = csv.DictReader(lines)
            names = [n for n in ("caption", "title", "text") if n in (rows.fieldnames or ())]
            if not names:
                raise SourceUnreadable(str(path), "it has no column caption, title or text")
            return list(dict.fromkeys(plain(row[names[0]] or "") for row in rows))
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise SourceUnreadable(str(path), str(error)) from error


def memories(
    sights: CachedSights, places: NDArray[np.int64], views: NDArray[np.int64]
) -> tuple[Tensor, Tensor]:
    """Embeddings [n, dim] and places [n, places, channels] of pictures, each in its view."""
    chosen = list(zip(views.tolist(), places.tolist(), strict=True))
    seen = np.stack([sights.places[view][place] for view, place in chosen]).astype(np.float32)
    whole = np.stack([sights.embeddings[view][place] for view, place in chosen])
    return torch.from_numpy(whole.astype(np.float32)), torch.from_numpy(seen)
