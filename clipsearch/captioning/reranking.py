"""Ranks hits again by how likely the captioner is to say the query of each picture.

A captioner attends to every place of a picture for every word, where a cosine compares two
embeddings that never met. What it says is evidence in nats, as that of the other signals: the
log-likelihood of the query given the picture, less that of the query itself, which is its mean
likelihood over the candidates. docs/asking.md has the measurements.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from clipsearch.captioning.captioner import Captioner
from clipsearch.captioning.hypotheses import END
from clipsearch.captioning.likelihood import Logs, Tokens
from clipsearch.captioning.told import pixels_of
from clipsearch.values import Hit, LikelihoodSignal

LIKELIHOOD = 0.2
"""What a nat of the captioner's is worth beside the other signals': about what fits half of
Flickr8k dev best (`benchmarks/rerank.py`)."""


def reranked(
    hits: Sequence[Hit], texts: Sequence[tuple[str, float]], captioner: Captioner
) -> list[Hit]:
    """The hits in a better order, with what the captioner says among their signals.

    `texts` are those of the query with their weights. A picture that is no file, or cannot be
    read any more, keeps its place and has no `likelihood`; the others change places among
    themselves. Equal ones stay in their order. A text is cut to what the captioner can say.
    """
    asked = [(tokens, weight) for text, weight in texts if (tokens := cut_tokens(captioner, text))]
    pictures = [pixels_of(hit.image, captioner.preprocessing) for hit in hits]
    places = [at for at, pixels in enumerate(pictures) if pixels is not None]
    if not asked or not places:
        return list(hits)
    seen = captioner.look_at(np.stack([each for each in pictures if each is not None]))
    told = nats(captioner.log_likelihoods(seen, [tokens for tokens, _ in asked]))
    ratios = told @ np.array([weight for _, weight in asked])
    weighed = [_weighed(hits[at], float(own)) for at, own in zip(places, ratios, strict=True)]
    weighed.sort(key=lambda hit: -hit.rank_score)
    found = list(hits)
    for at, hit in zip(places, weighed, strict=True):
        found[at] = hit
    return [replace(hit, rank=rank) for rank, hit in enumerate(found, start=1)]


def nats(logs: Logs) -> Logs:
    """Log-likelihoods [pictures, texts] less the log of each text's mean likelihood."""
    highest = logs.max(axis=0)
    return np.asarray(logs - highest - np.log(np.exp(logs - highest).mean(axis=0)))


def cut_tokens(captioner: Captioner, text: str) -> Tokens | None:
    """A text as tokens, cut as the captioner was taught; None without a word it could say."""
    tokens = captioner.tokens(text)
    if tokens == (END,):
        return None
    return tokens if len(tokens) <= captioner.longest else (*tokens[: captioner.longest - 1], END)


def _weighed(hit: Hit, ratio: float) -> Hit:
    evidence = LIKELIHOOD * ratio
    signals = replace(hit.signals, likelihood=LikelihoodSignal(ratio, evidence))
    return replace(hit, rank_score=hit.rank_score + evidence, signals=signals)
