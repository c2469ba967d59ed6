"""What a picture may cost, and how one that costs more is refused."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """What one picture may cost before it is left out.

    `max_megapixels` (10^6 pixels) and `max_ratio` (longer side over shorter side) are held
    before a pixel is decoded, `max_bytes` before the file is read. `seconds` and
    `memory_bytes` (beyond what an idle worker takes) are held by the pool alone.
    """

    max_megapixels: float = 90.0
    max_ratio: float = 100.0
    max_bytes: int = 1 << 30
    seconds: float = 30.0
    memory_bytes: int = 2 << 30
