"""What a tower reached on a set at one task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Result:
    """Numbers by their names; `condition` is a distortion, or empty."""

    dataset: str
    model: str
    task: str
    metrics: Mapping[str, float]
    condition: str = ""
