"""How likely given texts are as captions of pictures: teacher forcing over the decoder's cache."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from clipsearch.captioning.beams import Decoder
from clipsearch.captioning.graphs import Ints, Seen
from clipsearch.captioning.hypotheses import END, START

Logs = NDArray[np.float64]

AT_ONCE = 256
"""So many captions are followed side by side: more is no quicker and takes more memory."""

Tokens = tuple[int, ...]
"""A text as a captioner's tokens, the closing one with it."""


def log_likelihoods(decoder: Decoder, seen: Seen, texts: Sequence[Tokens]) -> Logs:
    """The log-probability of every text given every picture, in nats: float64 [pictures, texts].

    But for the last digits it does not matter what stands beside a picture or a text.
    """
    pictures = seen.keys.shape[1]
    found = np.empty((pictures, len(texts)), np.float64)
    # of similar length together: what is padded is reckoned for nothing
    order = sorted(range(len(texts)), key=lambda at: len(texts[at]))
    for start in range(0, pictures, AT_ONCE):
        some = np.arange(start, min(start + AT_ONCE, pictures))
        own = seen.of(some)
        together = max(1, AT_ONCE // len(some))
        for first in range(0, len(order), together):
            chosen = order[first : first + together]
            wanted = _padded([texts[at] for at in chosen])
            found[some[:, np.newaxis], chosen] = _followed(decoder, own, wanted)
    return found


def _padded(texts: Sequence[Tokens]) -> Ints:
    """The tokens [texts, longest], filled up with the closing one."""
    longest = max(map(len, texts))
    wanted = np.full((len(texts), longest), END, np.int64)
    for row, tokens in enumerate(texts):
        wanted[row, : len(tokens)] = tokens
    return wanted


def _followed(decoder: Decoder, seen: Seen, wanted: Ints) -> Logs:
    """The log-probability of each row of tokens up to its first END: [pictures, rows]."""
    pictures, (rows, longest) = seen.keys.shape[1], wanted.shape
    total = np.zeros((pictures, rows), np.float64)
    going = np.ones(rows, bool)
    said = decoder.begin(seen, pictures * rows)
    tokens = np.full((pictures, rows), START, np.int64)
    for step in range(longest):
        logs, said = decoder.step(tokens, said, seen)
        next_ = wanted[:, step]
        total += np.where(going, logs[:, np.arange(rows), next_], 0.0)
        going &= next_ != END
        tokens = np.broadcast_to(next_, (pictures, rows)).astype(np.int64)
    return total
