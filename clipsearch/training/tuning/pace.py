"""The rate of learning over a run."""

from __future__ import annotations

import math


def part_of_rate(done: float, warmup: float) -> float:
    """The share of the full rate at the share `done` of the run, both 0 to 1.

    It rises evenly over the first `warmup`, then follows half a cosine to nothing (Loshchilov &
    Hutter 2017).
    """
    if done < warmup:
        return done / warmup
    return 0.5 + 0.5 * math.cos(math.pi * (done - warmup) / max(1.0 - warmup, 1e-9))
