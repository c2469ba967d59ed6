"""Asks a server that speaks the OpenAI chat API, with pictures (Ollama, vLLM, llama.cpp, OpenAI).

Only a server that was named is ever asked. Redirects are not followed.
"""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from clipsearch.errors import ExtraMissing
from clipsearch.server_errors import (
    BadServerKey,
    ServerError,
    ServerFailed,
    ServerRefused,
    ServerUnintelligible,
    ServerUnreachable,
)
from clipsearch.servers.answers import Unanswered, Usage, error_of, pause_of, read_answer
from clipsearch.servers.names import ServerName
from clipsearch.values import Pixels

try:
    import anyio
    import httpx2
    import stamina
    from anyio.from_thread import start_blocking_portal
except ModuleNotFoundError as error:
    raise ExtraMissing("servers", "asking a server") from error

JPEG_QUALITY = 90
LONGEST_PAUSE = 60.0
"""Seconds; a server that asks for a longer pause is given up."""
LARGEST_ANSWER = 1 << 20
"""Bytes; more is no answer to these questions."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds for a whole answer, further attempts after it fails, questions asked at once."""

    timeout: float = 120.0
    retries: int = 2
    parallel: int = 2

    def __post_init__(self) -> None:
        """Raise ValueError for what cannot be followed."""
        if not self.timeout > 0 or self.retries < 0 or self.parallel < 1:
            raise ValueError(f"no server can be asked with {self}")


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """Words, with a picture (RGB uint8 [h, w, 3], sent as it is), and how to answer.

    `longest` bounds the answer in tokens. Without `top_p` the likeliest words are taken.
    """

    words: str
    picture: Pixels | None = None
    longest: int = 200
    top_p: float | None = None
    seed: int = 0


class ChatServer:
    """A model behind the chat API. `usage` counts what was asked of it so far."""

    def __init__(
        self, name: ServerName, patience: Patience = Patience(), key: str | None = None
    ) -> None:
        """Ask nothing yet. The key goes over https or to this very machine alone.

        Raises BadServerKey.
        """
        key = (key or "").strip()
        if not key.isascii() or not key.isprintable():
            raise BadServerKey
        self.name, self.usage = name, Usage()
        self.patience = patience
        self._key = key if name.is_private else ""
        self._withheld = bool(key) and not name.is_private
        self._manners = _Manners()

    def ask(self, question: Question) -> str | Unanswered:
        """The answer to one question, as the server wrote it. Raises ServerError."""
        (answer,) = self.ask_all([question])
        return answer

    def ask_all(self, questions: Sequence[Question]) -> list[str | Unanswered]:
        """The answers in order, some asked at once: data, to be cleaned before they are shown.

        Raises ServerError where there is no use in asking on. Ctrl-C breaks off what is asked.
        """
        with start_blocking_portal() as portal:
            found: list[str | Unanswered] | ServerError = portal.call(self._ask_all, questions)
        if isinstance(found, ServerError):
            raise found
        return found

    async def _ask_all(self, questions: Sequence[Question]) -> list[Any] | ServerError:
        answers: list[Any] = [None] * len(questions)
        failures: list[ServerError] = []
        limiter = anyio.CapacityLimiter(self.patience.parallel)
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        async with (
            self._client(headers) as client,
            anyio.create_task_group() as tasks,
        ):

            async def answer(place: int) -> None:
                async with limiter:
                    try:
                        answers[place] = await self._persistently(client, questions[place])
                    except ServerError as error:
                        failures.append(error)
                        tasks.cancel_scope.cancel()

            for place in range(len(questions)):
                tasks.start_soon(answer, place)
        return failures[0] if failures else answers

    def _client(self, headers: dict[str, str]) -> httpx2.AsyncClient:
        """What asks; by the environment's proxy, but never for a server on this very machine."""
        try:
            return httpx2.AsyncClient(
                headers=headers, timeout=self.patience.timeout, trust_env=not self.name.is_local
            )
        except ValueError as error:
            reason = f"the proxy that the environment names is of no use ({error})"
            raise ServerUnreachable(self.name.base, reason) from None

    async def _persistently(
        self, client: httpx2.AsyncClient, question: Question
    ) -> str | Unanswered:
        """Ask, and ask again where that may help."""
        attempts = stamina.retry_context(
            on=_worth_a_pause,
            attempts=self.patience.retries + 1,
            timeout=None,
            wait_initial=0.5,
            wait_max=20.0,
        )
        async for attempt in attempts:
            with attempt:
                return await self._once(client, question)
        raise AssertionError("the last attempt answers or raises")

    async def _once(self, client: httpx2.AsyncClient, question: Question) -> str | Unanswered:
        """One question as this server wants it put."""
        while True:
            payload = self._manners.payload(self.name.model, question)
            status, body, pause = await self._posted(client, payload)
            detail, parameter = ("", "") if status == 200 else error_of(self._without_key(body))
            if status not in (400, 422) or not self._manners.give_up(parameter, detail, payload):
                return self._judged(status, body, detail, pause)

    async def _posted(
        self, client: httpx2.AsyncClient, payload: dict[str, Any]
    ) -> tuple[int, bytes, float | None]:
        """Status, body and asked pause of one request, within the time limit."""
        url = f"{self.name.base}/chat/completions"
        try:
            with anyio.fail_after(self.patience.timeout):
                async with client.stream("POST", url, json=payload) as response:
                    body = b""
                    async for part in response.aiter_bytes():
                        body += part
                        if len(body) > LARGEST_ANSWER:
                            raise ServerUnintelligible(self.name.base, "its answer has no end")
        except (TimeoutError, httpx2.TimeoutException):
            reason = f"nothing within {self.patience.timeout:g} s"
            raise ServerUnreachable(self.name.base, reason) from None
        except httpx2.HTTPError as error:
            told = " ".join(str(error).split()) or type(error).__name__
            raise ServerUnreachable(self.name.base, told) from None
        return (
            response.status_code,
            body,
            pause_of(response.headers.get("retry-after"), time.time()),
        )

    def _judged(
        self, status: int, body: bytes, detail: str, pause: float | None
    ) -> str | Unanswered:
        """The answer, or what a status means."""
        where = self.name.base
        if status == 200:
            try:
                return read_answer(body, self.usage)
            except (ValueError, RecursionError) as error:
                plain = type(error) is ValueError
                told = str(error) if plain else "its answer is no JSON"
                raise ServerUnintelligible(where, told) from None
        if status in (401, 403):
            raise ServerRefused(where, status, detail, self._about_the_key())
        if status == 404:
            way_out = f"Has it a model {self.name.model!r}, and does its URL end in /v1 before it?"
            raise ServerRefused(where, status, detail, way_out)
        if status == 429 or status >= 500:
            raise ServerFailed(where, status, detail, pause)
        if 300 <= status < 400 or status < 200:
            raise ServerUnintelligible(where, f"it redirects or answers with {status}")
        return Unanswered(f"the server refuses it ({status}: {detail})")

    def _about_the_key(self) -> str:
        if self._withheld:
            return "OPENAI_API_KEY is not sent over plain http to another machine: use https."
        if self._key:
            return "The key in OPENAI_API_KEY is not the right one."
        return "Put its key into the environment: OPENAI_API_KEY."

    def _without_key(self, body: bytes) -> bytes:
        """An error's body as it came, but for the key: a line made of it might show a part."""
        return body.replace(self._key.encode(), b"(key)") if self._key else body


@dataclass(slots=True)
class _Manners:
    """How a server wants to be asked, as it was found out.

    Models differ in what they let be set; an option that one refuses by name is left out from
    then on, and `max_tokens` goes by its newer name.
    """

    refused: set[str] = field(default_factory=set)

    def payload(self, model: str, question: Question) -> dict[str, Any]:
        """The body of a request."""
        parts: list[dict[str, Any]] = [{"type": "text", "text": question.words}]
        if question.picture is not None:
            parts.append({"type": "image_url", "image_url": {"url": data_url(question.picture)}})
        options: dict[str, Any] = {
            "max_tokens": question.longest,
            "temperature": 0.0 if question.top_p is None else 1.0,
            "seed": question.seed,
        }
        if question.top_p is not None:
            options["top_p"] = question.top_p
        if "max_tokens" in self.refused:
            options["max_completion_tokens"] = question.longest
        kept = {name: value for name, value in options.items() if name not in self.refused}
        return {"model": model, "messages": [{"role": "user", "content": parts}], **kept}

    def give_up(self, parameter: str, detail: str, payload: dict[str, Any]) -> bool:
        """Whether an option that was sent is refused by name, and is sent no more."""
        sent = payload.keys() - {"model", "messages"}
        named = parameter or next((each for each in sorted(sent) if f"'{each}'" in detail), "")
        if named not in sent:
            return False
        self.refused.add(named)
        return True


def data_url(picture: Pixels) -> str:
    """A picture as a JPEG inside a URL."""
    written = io.BytesIO()
    Image.fromarray(picture).save(written, "JPEG", quality=JPEG_QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(written.getvalue()).decode("ascii")


def _worth_a_pause(error: Exception) -> bool | float:
    """Whether to ask again, or after how many seconds."""
    if isinstance(error, ServerFailed):
        if error.pause is None:
            return True
        return error.pause if error.pause <= LONGEST_PAUSE else False
    return isinstance(error, ServerUnreachable)
