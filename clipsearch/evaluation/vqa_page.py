"""The answers as one HTML page: the figures, then right and wrong ones with their pictures."""

from __future__ import annotations

from clipsearch.captions import CaptionedPicture
from clipsearch.evaluation.page import HEAD, figure, text_of
from clipsearch.evaluation.vqa import Answered, VqaEvaluation

SHOWN = 24


def vqa_page(evaluation: VqaEvaluation) -> str:
    """One document; every foreign word in it is escaped and nothing is fetched."""
    rows = (
        f"<tr><td>{text_of(name)}</td><td>{100 * value:.1f} %</td></tr>\n"
        for name, value in evaluation.metrics().items()
    )
    right = [each for each in evaluation.answered if each.accuracy >= 0.5]
    wrong = [each for each in evaluation.answered if each.accuracy < 0.5]
    parts = [
        *(HEAD, f"<h1>clipsearch eval</h1>\n<h2>{text_of(evaluation.answerer)}</h2>\n"),
        f"<table>\n{''.join(rows)}</table>\n<h2>Right</h2>\n",
        *map(_row, right[:: max(1, len(right) // SHOWN)][:SHOWN]),
        "<h2>Wrong</h2>\n",
        *map(_row, wrong[:: max(1, len(wrong) // SHOWN)][:SHOWN]),
        "</html>\n",
    ]
    return "".join(parts)


def _row(answered: Answered) -> str:
    asked = answered.question
    told = "no answer" if answered.answer is None else text_of(answered.answer)
    people = text_of(", ".join(dict.fromkeys(asked.answers)))
    picture = CaptionedPicture(asked.name, (), asked.read)
    return (
        f"<h3>{text_of(asked.question)} {told} <small>({answered.accuracy:.2f})</small></h3>\n"
        f"<div class=row>{figure(picture, '')}<small>people: {people}</small></div>\n"
    )
