"""How likely given texts are as captions of pictures: teacher forcing over the decoder's cache."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from clipsearch.captioning.beams import Decoder
from clipsearch.captioning.graphs import Seen
from clipsearch.captioning.hypotheses import END, START

Logs = NDArray[np.float64]

AT_ONCE = 256
"""So many captions are followed side by side: more is no quicker and takes more memory."""

Tokens = tuple[int, ...]
"""A text as a captioner's tokens; without the closing one it is how a caption begins."""


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
            wanted = [texts[at] for at in chosen]
            found[some[:, np.newaxis], chosen] = _followed(decoder, own, wanted)
    return found


def _followed(decoder: Decoder, seen: Seen, texts: Sequence[Tokens]) -> Logs:
    """The log-probability of each text after its pictures: [pictures, texts]."""
    pictures, rows = seen.keys.shape[1], np.arange(len(texts))
    lengths = np.array([len(each) for each in texts])
    padded = np.full((len(texts), lengths.max()), END, np.int64)
    for row, tokens in enumerate(texts):
        padded[row, : len(tokens)] = tokens
    total = np.zeros((pictures, len(texts)), np.float64)
    said = decoder.begin(seen, pictures * len(texts))
    last = np.full(len(texts), START, np.int64)
    for step in range(lengths.max()):
        given = np.ascontiguousarray(np.broadcast_to(last, (pictures, len(texts))))
        logs, said = decoder.step(given, said, seen)
        last = padded[:, step]
        total += np.where(step < lengths, logs[:, rows, last], 0.0)
    return total
