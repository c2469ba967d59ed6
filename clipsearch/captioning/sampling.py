"""Captions by chance: each word is drawn from the likeliest ones."""

from __future__ import annotations

import numpy as np

from clipsearch.captioning.beams import Decoder
from clipsearch.captioning.graphs import Floats, Seen
from clipsearch.captioning.hypotheses import END, START, UNKNOWN, Hypothesis, repeating


def sample(
    decoder: Decoder, seen: Seen, nucleus: float, longest: int, random: np.random.Generator
) -> list[Hypothesis]:
    """A caption of each picture, each token drawn from the `nucleus` of the probability.

    Holtzman et al., "The Curious Case of Neural Text Degeneration" (ICLR 2020). No trigram is
    said twice. The logs are those of the whole distribution.
    """
    count = seen.keys.shape[1]
    paths = [Hypothesis((), ()) for _ in range(count)]
    live = np.arange(count)
    said = decoder.begin(seen, count)
    tokens = np.full((count, 1), START, np.int64)
    for _ in range(longest):
        logs, said = decoder.step(tokens, said, seen)
        drawn = []
        for row, picture in enumerate(live):
            token = _draw(logs[row, 0], paths[picture], nucleus, random)
            paths[picture] = paths[picture].then(token, float(logs[row, 0, token]))
            drawn.append(token)
        going = np.flatnonzero(np.array(drawn) != END)
        if not len(going):
            break
        live, seen, said = live[going], seen.of(going), said.of(going)
        tokens = np.array(drawn, np.int64)[going][:, np.newaxis]
    return paths


def _draw(logs: Floats, path: Hypothesis, nucleus: float, random: np.random.Generator) -> int:
    """A token of the smallest set that holds `nucleus` of the probability."""
    allowed = np.exp(logs.astype(np.float64))
    allowed[[START, UNKNOWN, *repeating(path.tokens)]] = 0.0
    if not path.tokens:
        allowed[END] = 0.0
    order = np.argsort(-allowed, kind="stable")
    shares = np.cumsum(allowed[order]) / allowed.sum()
    kept = order[: 1 + int(np.searchsorted(shares, nucleus))]
    weights = allowed[kept] / allowed[kept].sum()
    return int(random.choice(kept, p=weights))
