"""Beam search over many pictures at once."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from clipsearch.captioning.graphs import Floats, Ints, Said, Seen
from clipsearch.captioning.hypotheses import END, START, UNKNOWN, Hypothesis, repeating

LENGTH_POWER = 0.8
"""A caption's log-probability is divided by its length to this power (Wu et al. 2016)."""


class Decoder(Protocol):
    """What says the next word; `Graphs` is one."""

    def begin(self, seen: Seen, captions: int) -> Said:
        """Captions without a word."""

    def step(self, tokens: Ints, said: Said, seen: Seen) -> tuple[Floats, Said]:
        """Log-probabilities [n, k, vocabulary] after one more token [n, k] each."""


def search_beams(decoder: Decoder, seen: Seen, beams: int, longest: int) -> list[Hypothesis]:
    """The best caption of each picture among `beams` followed side by side."""
    return [each[0] for each in ended_beams(decoder, seen, beams, longest)]


def ended_beams(decoder: Decoder, seen: Seen, beams: int, longest: int) -> list[list[Hypothesis]]:
    """The captions of each picture that ended, best first, of `beams` followed side by side.

    A picture is done when `beams` of its captions or more have ended; at `longest` tokens all end.
    """
    count = seen.keys.shape[1]
    finished: list[list[Hypothesis]] = [[] for _ in range(count)]
    live = np.arange(count)
    paths = [[Hypothesis((), ())] * beams for _ in range(count)]
    said = decoder.begin(seen, count * beams)
    tokens = np.full((count, beams), START, np.int64)
    for step in range(longest):
        logs, said = decoder.step(tokens, said, seen)
        parents = np.empty((len(live), beams), np.int64)
        for row, picture in enumerate(live):
            own = paths[picture] if step else paths[picture][:1]  # at first all beams are equal
            chosen, ended = _best(own, logs[row], beams, last=step == longest - 1)
            finished[picture] += ended
            paths[picture] = [path for path, _ in chosen]
            parents[row] = [row * beams + parent for _, parent in chosen]
        going = np.flatnonzero([len(finished[picture]) < beams for picture in live])
        if step == longest - 1 or not len(going):
            break
        live, seen = live[going], seen.of(going)
        said = said.of(parents[going].reshape(-1))
        tokens = np.array([[path.tokens[-1] for path in paths[picture]] for picture in live])
    return [sorted(each, key=worth, reverse=True) for each in finished]


def worth(path: Hypothesis) -> float:
    """How good the words of a caption are by themselves."""
    return path.total / float(len(path.logs) ** LENGTH_POWER)


def _best(
    paths: list[Hypothesis], logs: Floats, beams: int, *, last: bool
) -> tuple[list[tuple[Hypothesis, int]], list[Hypothesis]]:
    """The captions of a picture that go on, each with its parent's place, and those that end."""
    totals = logs[: len(paths)].astype(np.float64)
    totals[:, [START, UNKNOWN]] = -np.inf
    for place, path in enumerate(paths):
        totals[place, sorted(repeating(path.tokens))] = -np.inf
        if not path.tokens:
            totals[place, END] = -np.inf  # a caption has a word
        totals[place] += path.total
    size = totals.shape[1]
    flat = totals.reshape(-1)
    count = min(2 * beams, len(flat))
    first = np.argpartition(-flat, count - 1)[:count]
    going: list[tuple[Hypothesis, int]] = []
    ended: list[Hypothesis] = []
    for rank, at in enumerate(first[np.argsort(-flat[first], kind="stable")].tolist()):
        parent, token = divmod(at, size)
        forbidden = not np.isfinite(flat[at])  # taken only where too few words are left
        path = paths[parent].then(token, -np.inf if forbidden else float(logs[parent, token]))
        if token == END:
            if rank < beams and not forbidden:
                ended.append(path)
        elif len(going) < beams:
            going.append((path, parent))
    if last:
        ended += [path for path, _ in going]
    return going, ended
