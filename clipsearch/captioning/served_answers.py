"""Answers by a model behind the OpenAI chat API, on a server that the user named."""

from __future__ import annotations

from collections.abc import Sequence

from clipsearch.captioning.answering import Answer, checked, chosen_of, instruction
from clipsearch.captioning_errors import CaptionerUnusable
from clipsearch.images import Picture, decode_picture
from clipsearch.plain_text import plain_line
from clipsearch.servers import ChatServer, Question, Unanswered, Usage
from clipsearch.values import Preprocessing

SIDE = 768
"""Pixels of a picture's longer side, as it is sent."""
_PREPROCESSING = Preprocessing.whole(SIDE)


class ServedAnswerer:
    """A model on a server. It knows no probability, and its answers are data."""

    def __init__(self, server: ChatServer) -> None:
        """Ask nothing yet."""
        self._server = server

    @property
    def name(self) -> str:
        """`openai:MODEL`."""
        return f"openai:{self._server.name.model}"

    @property
    def usage(self) -> Usage:
        """What was asked of the server so far."""
        return self._server.usage

    def answers(self, picture: Picture, question: str, choices: Sequence[str] = ()) -> list[Answer]:
        """The one answer. Raises ServerError, CaptionerUnusable, QuestionRefused."""
        asked = checked(question, choices)
        pixels = decode_picture(picture, _PREPROCESSING).pixels
        said = self._server.ask(Question(instruction(question, asked), pixels))
        if isinstance(said, Unanswered):
            raise CaptionerUnusable(self.name, said.reason)
        text = plain_line(said)
        if not text:
            raise CaptionerUnusable(self.name, "the server's answer has no words")
        return [Answer(chosen_of(text, asked))]
