"""What can go wrong with a server that was named: the branch ServerError of `errors`."""

from __future__ import annotations

from clipsearch.errors import ClipsearchError


class ServerError(ClipsearchError):
    """A server does not serve."""


class BadServerName(ServerError):
    """A server is spelled in a way that cannot be understood, or that would give a secret away."""

    def __init__(self, detail: str) -> None:
        self.detail = detail
        super().__init__(
            f"{detail}. Write openai:URL/MODEL, as in openai:http://localhost:11434/v1/llava."
        )


class BadServerKey(ServerError):
    """The key that was given can be no key; it is not shown."""

    def __init__(self) -> None:
        super().__init__("the key in OPENAI_API_KEY has characters that no key has: set it anew.")


class ServerUnreachable(ServerError):
    """Nothing answers at the server's address, or what answers breaks off or is too slow."""

    def __init__(self, server: str, detail: str) -> None:
        self.server, self.detail = server, detail
        super().__init__(
            f"no answer from {server}: {detail}. Is it running, is the URL right? `--timeout` "
            "and `--retries` say how long to try."
        )


class ServerRefused(ServerError):
    """The server does not let us in, or does not have what is asked for."""

    def __init__(self, server: str, status: int, detail: str, way_out: str) -> None:
        self.server, self.status, self.detail = server, status, detail
        super().__init__(f"{server} refuses ({status}{_told(detail)}). {way_out}")


class ServerFailed(ServerError):
    """The server is at fault, or busy; it was asked as often as was allowed."""

    def __init__(self, server: str, status: int, detail: str, pause: float | None = None) -> None:
        self.server, self.status, self.detail, self.pause = server, status, detail, pause
        wait = f"It asks to wait {pause:.0f} s. " if pause else ""
        super().__init__(
            f"{server} fails ({status}{_told(detail)}). {wait}Try again later, or with more "
            "`--retries`; what was done before stays."
        )


class ServerUnintelligible(ServerError):
    """What answers does not speak the OpenAI chat API."""

    def __init__(self, server: str, detail: str) -> None:
        self.server, self.detail = server, detail
        super().__init__(
            f"what answers at {server} does not speak the OpenAI chat API: {detail}. The URL "
            "usually ends in /v1 before the model."
        )


def _told(detail: str) -> str:
    return f": {detail}" if detail else ""
