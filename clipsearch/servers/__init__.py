"""Speaks to servers that a user named, and to no other. Importing it opens no connection.

`ChatServer` needs clipsearch[servers]; the spelling of a server does not.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clipsearch.servers.answers import Unanswered as Unanswered
    from clipsearch.servers.answers import Usage as Usage
    from clipsearch.servers.chat import ChatServer as ChatServer
    from clipsearch.servers.chat import Patience as Patience
    from clipsearch.servers.chat import Question as Question
    from clipsearch.servers.names import ServerName as ServerName
    from clipsearch.servers.names import parse_server_name as parse_server_name

_MODULES = {
    "ChatServer": "chat",
    "Patience": "chat",
    "Question": "chat",
    "ServerName": "names",
    "Unanswered": "answers",
    "Usage": "answers",
    "parse_server_name": "names",
}

__all__ = list(_MODULES)


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value
