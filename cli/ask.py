"""clipsearch ask: answer a question about a picture."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from clipsearch.cli import options
from clipsearch.cli.captioners import model_options
from clipsearch.cli.exits import DONE
from clipsearch.cli.help import command
from clipsearch.cli.quoting import quoted
from clipsearch.cli.records import path_fields, print_json
from clipsearch.cli.tables import print_lines, print_table

if TYPE_CHECKING:
    from clipsearch.captioning import Answer
    from clipsearch.cli.captioners import Chosen


@command(
    'clipsearch ask photo.jpg "is there a dog?"',
    'clipsearch ask photo.jpg "what colour is the car?" --choices red,green,blue',
    'clipsearch ask photo.jpg "how many people are there?" --json',
    'clipsearch ask photo.jpg "what is the man holding?" --model hf:Salesforce/blip-vqa-base',
    'clipsearch ask photo.jpg "what is it?" --model openai:http://localhost:11434/v1/llava',
)
@click.argument("image", metavar="IMAGE")
@click.argument("words", nargs=-1, required=True, metavar="QUESTION...")
@click.option(
    "--choices",
    metavar="A,B,C",
    help="What to choose from.  [default: yes and no, 1 to 5 or colours, where these are asked]",
)
@model_options
@options.json_option
def ask(
    image: str,
    words: tuple[str, ...],
    choices: str | None,
    form: options.Form | None,
    chosen: Chosen,
) -> int:
    """Answer a QUESTION (English) about IMAGE (`-`: on stdin), offline unless you name a server.

    The words after IMAGE are one question, quoted or not. The built-in captioner weighs the
    choices: how likely it is to say of the picture what each would make of the question. It is
    right more often than chance, and far from always; the probabilities are among the choices.
    --model names one that answers freely: hf:FOLDER or hf:ORG/NAME (transformers), or
    openai:URL/MODEL, a server that the picture is then sent to.

    Prints answer and probability, best first, `-` where the model knows none.
    """
    given = [each.strip() for each in choices.split(",")] if choices is not None else []
    question = " ".join(words)
    if "?" in question.rstrip(" ?"):
        raise click.UsageError("one question at a time: this is more than one.")
    answerer = chosen.open_answerer()
    picture: Path | bytes = sys.stdin.buffer.read() if image == "-" else Path(image)
    found = answerer.answers(picture, question, given)
    if form == "json":
        fields = {
            "image": path_fields(Path(image))["path"],
            "question": question,
            "model": answerer.name,
            "answers": [_record(each) for each in found],
            "cost": chosen.cost(answerer),
        }
        print_json("ask", fields)
    else:
        _show(found)
        chosen.say_cost(answerer)
    return DONE


def _record(answer: Answer) -> dict[str, object]:
    sure = answer.probability
    return {
        "answer": answer.text,
        "probability": None if sure is None else round(sure, 4),
        "statement": answer.statement,
    }


def _show(found: Sequence[Answer]) -> None:
    if sys.stdout.isatty():
        rows = ([_share(each, "{:.0%}"), quoted(each.text)] for each in found)
        print_table([">probability", "answer"], rows)
    else:
        print_lines([quoted(each.text), _share(each, "{:.4f}")] for each in found)


def _share(answer: Answer, form: str) -> str:
    return "-" if answer.probability is None else form.format(answer.probability)
