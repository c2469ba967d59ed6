"""What every captioner is, whoever made it: the one interface that captions are written by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from clipsearch.plain_text import plain_line
from clipsearch.values import Pixels, Preprocessing


@dataclass(frozen=True, slots=True)
class Manner:
    """How captions are written: the best of `beams`, or drawn by chance where `nucleus` is given.

    With `nucleus` each word is drawn from that share of the probability (0 to 1), by `seed`.
    `longest` is the most tokens of a caption, where it is not the captioner's own number. Servers
    have no beams.
    """

    beams: int = 4
    nucleus: float | None = None
    seed: int = 0
    longest: int | None = None

    def __post_init__(self) -> None:
        """Raise ValueError for what cannot be followed."""
        if self.beams < 1:
            raise ValueError(f"a search needs a beam, not {self.beams}")
        if self.nucleus is not None and not 0 < self.nucleus <= 1:
            raise ValueError(f"a nucleus is a share from 0 to 1, not {self.nucleus}")
        if self.longest is not None and self.longest < 1:
            raise ValueError(f"a caption has a token, not {self.longest}")


USUAL = Manner()
"""How captions are written where nothing else is asked for."""


@dataclass(frozen=True, slots=True)
class WrittenCaption:
    """A caption, and the probability that it is as good as most, from 0 to 1.

    The confidence is None where its captioner knows of none.
    """

    text: str
    confidence: float | None


@dataclass(frozen=True, slots=True)
class Unwritten:
    """A picture that has no caption of a captioner, with the reason."""

    reason: str


def caption_of(said: str) -> WrittenCaption | Unwritten:
    """What a captioner said that knows no confidence: one line of it, or that it said nothing."""
    line = plain_line(said)
    if not line:
        return Unwritten("its captioner says nothing")
    return WrittenCaption(line[:1].upper() + line[1:], None)


class CaptionWriter(Protocol):
    """Writes captions of pictures."""

    @property
    def source(self) -> str:
        """The source of its captions: `generated:NAME`."""

    @property
    def preprocessing(self) -> Preprocessing:
        """How a picture becomes its input."""

    @property
    def batch(self) -> int:
        """Pictures that it captions at once: what stopping it may cost."""

    def write(
        self, pictures: Iterable[Pixels], manner: Manner = USUAL
    ) -> Sequence[WrittenCaption | Unwritten]:
        """A caption of each picture, uint8 [h, w, 3] as `preprocessing` gives it.

        The text is one line without control characters. Raises ClipsearchError where no further
        picture would have a caption either.
        """
