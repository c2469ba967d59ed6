"""How the rooms that read foreign bytes tell themselves that something is left out."""

from __future__ import annotations

from clipsearch.values import SkipCode


class Refused(Exception):
    """Something is left out, with its reason; no room lets it out: it becomes a Skip there."""

    def __init__(self, code: SkipCode, reason: str) -> None:
        self.code, self.reason = code, reason
        super().__init__(reason)
