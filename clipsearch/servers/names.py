"""How a server and its model are spelled."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from clipsearch.server_errors import BadServerName

PREFIX = "openai:"
_LONGEST = 200
_VERSION = re.compile(r"/v\d+(?:beta)?/")


@dataclass(frozen=True, slots=True)
class ServerName:
    """Where a server's API begins (`http://localhost:11434/v1`), and one of its models."""

    base: str
    model: str

    def __str__(self) -> str:
        return f"{PREFIX}{self.base}/{self.model}"

    @property
    def is_private(self) -> bool:
        """Whether nobody between can read along: https, or this very machine."""
        return self.base.startswith("https:") or self.is_local

    @property
    def is_local(self) -> bool:
        """Whether it runs on this very machine."""
        return _is_loopback(urlsplit(self.base).hostname or "")


def parse_server_name(text: str) -> ServerName:
    """Understand `openai:URL/MODEL`; the model is what follows `/v1/`, else the last part.

    A URL of a host alone has its API in /v1. Raises BadServerName, also for passwords and keys in
    a URL: it would be seen where it does not belong.
    """
    url = text.removeprefix(PREFIX)
    try:
        parts = urlsplit(url)
        named = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1)
    except ValueError:
        named = None
    if not named:
        raise BadServerName("the server's URL must begin with http:// or https:// and a host")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise BadServerName("no password, key or question belongs in the server's URL")
    if len(url) > _LONGEST or not url.isprintable() or " " in url:
        raise BadServerName(f"the server's URL is longer than {_LONGEST} characters, or not plain")
    base, model = _divided(parts.path.rstrip("/"))
    if not model:
        raise BadServerName("the server's URL names no model behind its last slash")
    return ServerName(f"{parts.scheme}://{parts.netloc}{base}", model)


def _divided(path: str) -> tuple[str, str]:
    """The path of the API and the model behind it, which may have slashes of its own."""
    if version := _VERSION.search(path):
        end = version.end() - 1
        if path.startswith("/openai/", end):  # Google's and others' door beside their own API
            end += len("/openai")
        return path[:end], path[end + 1 :]
    if re.search(r"/v\d+$", path):
        return path, ""
    base, _, model = path.rpartition("/")
    return base or "/v1", model


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
