"""The captioner's words: lower-case pieces learned from captions (BPE, Sennrich et al. 2016)."""

from __future__ import annotations

from collections.abc import Iterable

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

START, END, UNKNOWN = "<start>", "<end>", "<unknown>"
START_ID, END_ID = 0, 1
LONGEST = 24
"""The most tokens that a captioner says."""


def learn_vocabulary(captions: Iterable[str], size: int) -> Tokenizer:
    """Learn `size` pieces from plain captions; the first two open and close a caption."""
    tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=[START, END, UNKNOWN], min_frequency=3, show_progress=False
    )
    tokenizer.train_from_iterator(captions, trainer)
    return tokenizer


def token_ids(tokenizer: Tokenizer, captions: Iterable[str], longest: int) -> list[list[int]]:
    """The tokens of plain captions, each with its end, cut at `longest`."""
    encoded = tokenizer.encode_batch(list(captions))
    return [[*each.ids[: longest - 1], END_ID] for each in encoded]
