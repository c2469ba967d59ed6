"""Which captioner writes: the options that say so, and what a server's captions cost."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from clipsearch.cli.exits import say
from clipsearch.cli.quoting import quoted

if TYPE_CHECKING:
    from clipsearch.caption_writing import CaptionWriter
    from clipsearch.captioning import Answerer, ServerAccess, Told
    from clipsearch.values import Hit

Command = Callable[..., Any]
KEY = "OPENAI_API_KEY"


@dataclass(frozen=True, slots=True)
class Chosen:
    """The captioner that the user named in this command, and how a server is asked.

    Nothing of it is remembered. `price` is that of a million tokens in and out.
    """

    captioner: str
    timeout: float
    retries: int
    parallel: int
    price: tuple[float, float] | None

    def open(self) -> CaptionWriter:
        """The captioner itself; a server is asked nothing yet. Raises ClipsearchError."""
        from clipsearch.captioning import open_captioner

        if not self.captioner.startswith("openai:"):
            hush_libraries()
        return open_captioner(self.captioner, self._access())

    def open_answerer(self) -> Answerer:
        """What answers questions, where the name is that of a model that does so."""
        from clipsearch.captioning import open_answerer

        if not self.captioner.startswith("openai:"):
            hush_libraries()
        return open_answerer(self.captioner, self._access())

    def _access(self) -> ServerAccess:
        """How a server is asked, if one is named."""
        from clipsearch.captioning import ServerAccess

        if not self.captioner.startswith("openai:"):
            return ServerAccess()
        from clipsearch.servers import Patience

        patience = Patience(self.timeout, self.retries, self.parallel)
        return ServerAccess(patience, os.environ.get(KEY))

    def refuse_unless(self, wanted: object, option: str) -> None:
        """Raise UsageError where a captioner is named and nothing is to be captioned."""
        if not wanted and self.captioner != "builtin":
            raise click.UsageError(f"--captioner goes with {option}.")

    def open_if(self, wanted: object, option: str) -> CaptionWriter | None:
        """The captioner where it is wanted. Raises UsageError, ClipsearchError."""
        self.refuse_unless(wanted, option)
        return self.open() if wanted else None

    def tell(self, hits: Sequence[Hit]) -> Told:
        """Hits with a caption each, as far as they can be had; nothing is kept.

        Says which pictures have none, and why.
        """
        from clipsearch.captioning import with_captions

        opened: list[CaptionWriter] = []

        def writer() -> CaptionWriter:
            opened.append(self.open())
            return opened[0]

        told = with_captions(hits, writer)
        reasons: dict[str, list[str]] = {}
        for skip in told.failed:
            reasons.setdefault(skip.reason, []).append(quoted(skip.path))
        for reason, names in reasons.items():
            say(f"no caption of {', '.join(names)}: {reason}")
        for each in opened:
            self.say_cost(each)
        return told

    def cost(self, writer: CaptionWriter | Answerer | None) -> dict[str, Any] | None:
        """What a server counted, for --json; None for captioners that run here."""
        usage = getattr(writer, "usage", None)
        if usage is None:
            return None
        asked, said = usage.prompt_tokens, usage.completion_tokens
        price = (self.price[0] * asked + self.price[1] * said) / 1e6 if self.price else None
        return {
            "answers": usage.answers,
            "prompt_tokens": asked,
            "completion_tokens": said,
            "unmetered": usage.unmetered,
            "price": price,
        }

    def say_cost(self, writer: CaptionWriter | Answerer) -> None:
        """Tell what a server counted."""
        cost = self.cost(writer)
        if cost is None:
            return
        told = (
            f"{cost['answers']} answers of the server: {cost['prompt_tokens']:,} tokens in, "
            f"{cost['completion_tokens']:,} out"
        )
        if cost["unmetered"]:
            told += f", {cost['unmetered']} answers did not say"
        say(told + ("." if cost["price"] is None else f"; that costs {cost['price']:.4f}."))


def hush_libraries() -> None:
    """No warnings of libraries, which no user can heed; no progress of theirs in a file."""
    warnings.simplefilter("ignore")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    if not sys.stderr.isatty():
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")


def _price(
    _context: click.Context, _option: click.Parameter, text: str | None
) -> tuple[float, float] | None:
    if text is None:
        return None
    try:
        asked, said = (float(part) for part in text.split(":"))
    except ValueError:
        raise click.BadParameter("write IN:OUT, two numbers, as in 0.15:0.60.") from None
    if not (0 <= asked < 1e9 and 0 <= said < 1e9):
        raise click.BadParameter("a price is a number from 0 on.")
    return asked, said


_OPTIONS = (
    click.option(
        "--captioner",
        metavar="CAPTIONER",
        default="builtin",
        show_default=True,
        help="Who writes: builtin, a DIR of `train-captioner`, hf:FOLDER or hf:ORG/NAME "
        "(transformers), coca:MODEL (open_clip), or openai:URL/MODEL, a server that the pictures "
        "are then sent to.",
    ),
    click.option(
        "--timeout",
        type=click.FloatRange(min=0, min_open=True, max=86_400),
        metavar="SECONDS",
        default=120.0,
        show_default=True,
        help="With a server: how long an answer may take.",
    ),
    click.option(
        "--retries",
        type=click.IntRange(0, 100),
        metavar="N",
        default=2,
        show_default=True,
        help="With a server: how often it is asked again where it fails.",
    ),
    click.option(
        "--parallel",
        type=click.IntRange(1, 4),
        metavar="N",
        default=2,
        show_default=True,
        help="With a server: questions asked at once.",
    ),
    click.option(
        "--price",
        callback=_price,
        metavar="IN:OUT",
        help="With a server: its price of a million tokens, to be told what it cost.",
    ),
)


_MODEL = click.option(
    "--model",
    "captioner",
    metavar="MODEL",
    default="builtin",
    show_default=True,
    help="Who answers: builtin or a DIR of `train-captioner` (among choices), hf:FOLDER or "
    "hf:ORG/NAME (transformers), or openai:URL/MODEL, a server that the picture is then sent to.",
)


def captioner_options(command: Command) -> Command:
    """Give a command the options that name a captioner, and pass it what they ask as `chosen`."""
    return _with_options(command, _OPTIONS)


def model_options(command: Command) -> Command:
    """The same for a model that answers questions."""
    return _with_options(command, (_MODEL, *_OPTIONS[1:]))


def _with_options(command: Command, options: Sequence[Callable[[Command], Command]]) -> Command:
    @wraps(command)
    def choosing(**given: Any) -> Any:
        asked = {field.name: given.pop(field.name) for field in fields(Chosen)}
        return command(chosen=Chosen(**asked), **given)

    found: Command = choosing
    for option in reversed(options):
        found = option(found)
    return found
