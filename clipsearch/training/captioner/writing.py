"""Captions written by the decoder in torch: the likeliest word each time, or words by chance."""

from __future__ import annotations

import torch
from torch import Tensor

from clipsearch.training.captioner.decoder import CaptionDecoder
from clipsearch.training.captioner.vocabulary import END_ID, START_ID

LONGEST = 24


@torch.no_grad()
def written(
    decoder: CaptionDecoder, memory: Tensor, random: torch.Generator | None = None
) -> list[list[int]]:
    """A caption of each memory [n, t, width], its tokens with the closing one.

    Greedy; with `random` each word is drawn as it is likely. Captions without an end are closed.
    """
    seen, cache = decoder.look(memory), decoder.begin(len(memory))
    tokens = torch.full((len(memory),), START_ID)
    chosen: list[Tensor] = []
    open_still = torch.ones(len(memory), dtype=torch.bool)
    for _ in range(LONGEST):
        every, cache = decoder.step(tokens[:, None], cache, seen)
        logits = every.squeeze(1)
        if random is None:
            tokens = logits.argmax(-1)
        else:
            tokens = torch.multinomial(logits.softmax(-1), 1, generator=random).squeeze(1)
        tokens = torch.where(open_still, tokens, END_ID)
        chosen.append(tokens)
        open_still &= tokens != END_ID
        if not open_still.any():
            break
    return [_closed(row) for row in torch.stack(chosen, dim=1).tolist()]


def _closed(ids: list[int]) -> list[int]:
    end = ids.index(END_ID) if END_ID in ids else len(ids)
    return [*ids[:end], END_ID]
