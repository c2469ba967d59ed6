"""From a captioner's spelling to the captioner."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from clipsearch.caption_writing import CaptionWriter

if TYPE_CHECKING:
    from clipsearch.servers import Patience

BUILTIN = "builtin"


@dataclass(frozen=True, slots=True)
class ServerAccess:
    """How a server is asked, where one is named: with patience (the usual if None) and a key."""

    patience: Patience | None = None
    key: str | None = field(default=None, repr=False)


def open_captioner(spelling: str, access: ServerAccess = ServerAccess()) -> CaptionWriter:
    """The captioner of a spelling; its models open at their first use.

    | spelling | captioner |
    |---|---|
    | `builtin` | the built-in one |
    | `DIR` | one that `clipsearch train-captioner` wrote |
    | `openai:URL/MODEL` | a model on a server that speaks the OpenAI chat API |

    Raises CaptionerMissing, CaptionerMismatch, BadServerName, ExtraMissing.
    """
    kind, colon, _ = spelling.strip().partition(":")
    if spelling.strip() == BUILTIN:
        from clipsearch.captioning.captioner import Captioner

        return Captioner()
    if colon and kind == "openai":
        return _served(spelling.strip(), access)
    from clipsearch.captioning.captioner import Captioner

    return Captioner(Path(spelling).expanduser())


def _served(spelling: str, access: ServerAccess) -> CaptionWriter:
    from clipsearch.servers import parse_server_name

    name = parse_server_name(spelling)  # said before anything that is missing
    from clipsearch.captioning.served import ServedCaptioner
    from clipsearch.servers import ChatServer, Patience

    return ServedCaptioner(ChatServer(name, access.patience or Patience(), access.key))
