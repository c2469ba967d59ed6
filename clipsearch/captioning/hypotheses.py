"""What decoding hands on: a caption as tokens, and how likely each of them was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

START, END, UNKNOWN = 0, 1, 2
"""The first three tokens of a captioner's vocabulary."""
RUN = 3


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A caption: its tokens without the closing one, and the log-probability of each and it."""

    tokens: tuple[int, ...]
    logs: tuple[float, ...]

    @property
    def total(self) -> float:
        """The log-probability of the whole."""
        return sum(self.logs)

    @property
    def mean(self) -> float:
        """The mean log-probability of a token."""
        return self.total / max(len(self.logs), 1)

    @property
    def least(self) -> float:
        """The log-probability of the least likely token."""
        return min(self.logs, default=0.0)

    def then(self, token: int, log: float) -> Hypothesis:
        """One token longer; the closing one is counted and not kept."""
        tokens = self.tokens if token == END else (*self.tokens, token)
        return Hypothesis(tokens, (*self.logs, log))


def repeating(tokens: Sequence[int]) -> set[int]:
    """The tokens that would say a run of three tokens a second time, or one token twice in a row.

    After Paulus, Xiong and Socher (2018): no trigram twice.
    """
    if not tokens:
        return set()
    again = {tokens[-1]}
    lead = tuple(tokens[-(RUN - 1) :])
    for start in range(len(tokens) - RUN + 1):
        if tuple(tokens[start : start + RUN - 1]) == lead:
            again.add(tokens[start + RUN - 1])
    return again
