"""Speaks to servers that a user named, and to no other. Importing it opens no connection.

`ChatServer` needs clipsearch[servers]; the spelling of a server does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from clipsearch.lazy import first_use

if TYPE_CHECKING:
    from clipsearch.servers.answers import Unanswered as Unanswered
    from clipsearch.servers.answers import Usage as Usage
    from clipsearch.servers.chat import ChatServer as ChatServer
    from clipsearch.servers.chat import Patience as Patience
    from clipsearch.servers.chat import Question as Question
    from clipsearch.servers.names import ServerName as ServerName
    from clipsearch.servers.names import parse_server_name as parse_server_name

_MODULES = {
    "ChatServer": ".chat",
    "Patience": ".chat",
    "Question": ".chat",
    "ServerName": ".names",
    "Unanswered": ".answers",
    "Usage": ".answers",
    "parse_server_name": ".names",
}

__all__ = list(_MODULES)

__getattr__ = first_use(__name__, _MODULES)
