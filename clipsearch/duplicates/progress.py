"""How far the work is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

Step = Literal["sketching", "searching", "comparing"]

OnStep = Callable[[Step, int, int | None], None]
"""Hears the step, how many pictures or pairs are done, and of how many (None: unknown)."""
