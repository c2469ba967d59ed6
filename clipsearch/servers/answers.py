"""What a chat server sends back, read with distrust."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, TypeGuard

from clipsearch.plain_text import plain_line

_DETAIL = 200


@dataclass(slots=True)
class Usage:
    """What was asked of a server in all, as it counts itself.

    `unmetered` counts answers that did not say how many tokens they took.
    """

    answers: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    unmetered: int = 0

    def count(self, given: object) -> None:
        """Add the `usage` of one answer."""
        self.answers += 1
        usage = given if isinstance(given, Mapping) else {}
        asked, said = usage.get("prompt_tokens"), usage.get("completion_tokens")
        if _is_count(asked) and _is_count(said):
            self.prompt_tokens += asked
            self.completion_tokens += said
        else:
            self.unmetered += 1


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A question that has no answer, with the reason; the next one may."""

    reason: str


def read_answer(body: bytes, usage: Usage) -> str | Unanswered:
    """The text of a chat completion; its tokens are counted. Raises ValueError for anything else.

    The text is as the server wrote it: data, to be cleaned and escaped.
    """
    document = json.loads(body)
    try:
        choice = document["choices"][0]
        message = choice["message"]
        text, refusal = message.get("content"), message.get("refusal")
    except (KeyError, IndexError, TypeError, AttributeError):
        raise ValueError("its answer has no choices with a message") from None
    usage.count(document.get("usage"))
    if isinstance(text, list):  # some servers answer in parts
        text = "".join(str(part.get("text") or "") for part in text if isinstance(part, Mapping))
    if isinstance(text, str) and text.strip():
        return text
    if isinstance(refusal, str) and refusal:
        return Unanswered(f"the server's model refuses: {plain_line(refusal, _DETAIL)}")
    ended = plain_line(str(choice.get("finish_reason")), 40)
    return Unanswered(f"the server's answer is empty (finish_reason {ended})")


def error_of(body: bytes) -> tuple[str, str]:
    """What an error's body says in one line, and the parameter that it names, if any."""
    try:
        found: Any = json.loads(body)
    except (ValueError, RecursionError):
        return plain_line(body.decode("utf-8", "replace"), _DETAIL), ""
    error = found.get("error", found) if isinstance(found, Mapping) else found
    if isinstance(error, Mapping):
        told = error.get("message") or error.get("detail") or ""
        return plain_line(str(told), _DETAIL), str(error.get("param") or "")
    return plain_line(str(error), _DETAIL), ""


def pause_of(header: str | None, now: float) -> float | None:
    """The seconds that a Retry-After asks for (a number or a date); None if it does not say."""
    if not header:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(header).timestamp() - now
        except ValueError:
            return None
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 40
