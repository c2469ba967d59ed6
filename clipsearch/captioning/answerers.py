"""From an answerer's spelling to the answerer."""

from __future__ import annotations

from clipsearch.captioning.answering import Answerer, ChoiceWeigher
from clipsearch.captioning.choosing import BUILTIN, ServerAccess, open_own, open_server

NO_SERVER = ServerAccess()


def open_answerer(spelling: str = BUILTIN, access: ServerAccess = NO_SERVER) -> Answerer:
    """What answers questions about pictures; its models open at their first use.

    | spelling | answerer |
    |---|---|
    | `builtin` | the built-in captioner, among choices |
    | `DIR` | a captioner that `clipsearch train-captioner` wrote, among choices |
    | `hf:FOLDER`, `hf:ORG/NAME` | a model of transformers, on the disk or from the hub |
    | `openai:URL/MODEL` | a model on a server that speaks the OpenAI chat API |

    Raises CaptionerMissing, CaptionerMismatch, CaptionerUnusable, BadServerName, ExtraMissing.
    """
    kind, colon, rest = spelling.strip().partition(":")
    if colon and kind == "hf":
        from clipsearch.captioning.hf_answers import HfAnswerer

        return HfAnswerer(rest)
    if colon and kind == "openai":
        server = open_server(spelling.strip(), access)
        from clipsearch.captioning.served_answers import ServedAnswerer

        return ServedAnswerer(server)
    from clipsearch.settings import default_home
    from clipsearch.towers import load_towers

    return ChoiceWeigher(open_own(spelling), load_towers("builtin", default_home()))
