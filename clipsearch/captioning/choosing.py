"""From a captioner's spelling to the captioner."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from clipsearch.caption_writing import CaptionWriter

if TYPE_CHECKING:
    from clipsearch.captioning.captioner import Captioner
    from clipsearch.servers import ChatServer, Patience

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
    | `hf:FOLDER`, `hf:ORG/NAME` | one of transformers, on the disk or from the hub |
    | `coca:MODEL` | a CoCa of open_clip, in any spelling that towers have |
    | `openai:URL/MODEL` | a model on a server that speaks the OpenAI chat API |

    Raises CaptionerMissing, CaptionerUnusable, CaptionerMismatch, TowerMissing, BadServerName,
    ExtraMissing.
    """
    kind, colon, rest = spelling.strip().partition(":")
    if colon and kind == "openai":
        server = open_server(spelling.strip(), access)
        from clipsearch.captioning.served import ServedCaptioner

        return ServedCaptioner(server)
    if colon and kind == "hf":
        from clipsearch.captioning.hf import HfCaptioner

        return HfCaptioner(rest)
    if colon and kind == "coca":
        from clipsearch.captioning.coca import CocaCaptioner

        return CocaCaptioner(rest)
    return open_own(spelling)


def open_own(spelling: str) -> Captioner:
    """The built-in captioner, or one that `train-captioner` wrote. Raises CaptionerMissing."""
    from clipsearch.captioning.captioner import Captioner

    name = spelling.strip()
    return Captioner() if name == BUILTIN else Captioner(Path(name).expanduser())


def open_server(spelling: str, access: ServerAccess) -> ChatServer:
    """The server of a spelling, asked nothing yet. Raises BadServerName, ExtraMissing."""
    from clipsearch.servers import parse_server_name

    name = parse_server_name(spelling)  # said before anything that is missing
    from clipsearch.servers import ChatServer, Patience

    return ChatServer(name, access.patience or Patience(), access.key)
