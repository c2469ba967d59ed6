"""clipsearch eval --task vqa: measure answers to questions about pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import clipsearch
from clipsearch.cli.exits import DONE, say, say_left_out
from clipsearch.cli.progress import shown_progress
from clipsearch.cli.quoting import quoted
from clipsearch.cli.records import print_json, skip_record
from clipsearch.cli.tables import print_rows

if TYPE_CHECKING:
    from clipsearch.captions import QuestionSet
    from clipsearch.cli.captioners import Chosen
    from clipsearch.cli.options import Shown
    from clipsearch.evaluation import VqaEvaluation


def measure_vqa(data: QuestionSet, chosen: Chosen, shown: Shown) -> int:
    """Have the questions answered, measure, and show it."""
    from clipsearch.evaluation import evaluate_vqa, vqa_page

    answerer = chosen.open_answerer()
    with shown_progress(quiet=shown.quiet) as listener:
        found = evaluate_vqa(
            answerer,
            data,
            lambda _, done, total, failed: listener(
                clipsearch.Progress("asking", done, total, failed)
            ),
        )
    if shown.form == "json":
        print_json("eval", {**_document(found), "cost": chosen.cost(answerer)})
    else:
        say_left_out(found.skips, "--json lists them all.")
        say(f"{len(found.answered)} questions, answered by {quoted(found.answerer)}")
        rows = [[name, f"{100 * value:.1f} %"] for name, value in found.metrics().items()]
        print_rows(["measure", ">value"], rows)
        chosen.say_cost(answerer)
    if shown.html is not None:
        from clipsearch.durable import write_durably

        write_durably(shown.html, vqa_page(found).encode())
        say(f"wrote {shown.html}")
    return DONE


def _document(found: VqaEvaluation) -> dict[str, Any]:
    return {
        "source": found.source.encode(errors="replace").decode(),
        "model": found.answerer,
        "task": "vqa",
        "questions": len(found.answered),
        "metrics": {name: round(value, 6) for name, value in found.metrics().items()},
        "answers": [
            {
                "name": each.question.name.encode(errors="replace").decode(),
                "question": each.question.question,
                "answer": each.answer,
                "accuracy": round(each.accuracy, 4),
            }
            for each in found.answered
        ],
        "skipped": [skip_record(skip) for skip in found.skips],
    }
