"""What can go wrong while pictures are captioned: the branch CaptioningError of `errors`."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from clipsearch.errors import ClipsearchError


class CaptioningError(ClipsearchError):
    """Pictures cannot be captioned."""


class CaptionerMissing(CaptioningError):
    """A folder holds no whole captioner."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(
            f"there is no whole captioner in {path}: {reason}. Name a folder that `clipsearch "
            "train-captioner` wrote, or install clipsearch anew for the built-in one."
        )


class CaptionerUnusable(CaptioningError):
    """A captioner that another program made cannot be had, or fails at its work."""

    def __init__(self, name: str, reason: str) -> None:
        self.name, self.reason = name, reason
        super().__init__(
            f"the captioner {name!r} cannot be used: {reason}. A folder or ORG/NAME must hold a "
            "whole model that needs no code of its own; offline, one that was fetched before."
        )

    @classmethod
    def because(cls, name: str, error: BaseException) -> Self:
        """Of what another program raised, in one line."""
        return cls(name, " ".join(f"{type(error).__name__}: {error}".split())[:300])


class CaptionerMismatch(CaptioningError):
    """A captioner was trained on what another image tower sees."""

    def __init__(self, captioner: str, trained_on: str, tower: str) -> None:
        self.captioner, self.trained_on, self.tower = captioner, trained_on, tower
        super().__init__(
            f"the captioner {captioner!r} was trained on the image tower of {trained_on!r}, not "
            f"of {tower!r}: it would describe what it does not see. Train one for this tower with "
            "`clipsearch train-captioner`."
        )


class QuestionRefused(CaptioningError):
    """A question with its choices makes no sense, or is more than can be weighed."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"that cannot be asked: {reason}. Give a question and at least two different, short "
            'choices, as in `clipsearch ask photo.jpg "what colour is the car?" '
            "--choices red,green,blue`."
        )


class ChoicesMissing(CaptioningError):
    """A question is open, and nothing at hand can answer it freely."""

    def __init__(self, question: str) -> None:
        self.question = question
        super().__init__(
            f"{question!r} is an open question, which the built-in captioner cannot answer: give "
            "it `--choices A,B,C`, or name a model that can, `--model hf:ORG/NAME` or `--model "
            "openai:URL/MODEL`."
        )


class RerankRefused(CaptioningError):
    """A query cannot be ranked again by the captioner."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"the captioner cannot rank these hits again: {reason}. Leave out the "
            "re-ranking (`--rerank`), or change what it stands beside."
        )


class TableInTheWay(CaptioningError):
    """A file that is no table of captions stands where one is to be gone on with."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(
            f"{str(path)!r} is there already and is no table of captions that clipsearch wrote: "
            "name another file, or replace it with `--overwrite`."
        )
