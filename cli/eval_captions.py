"""clipsearch eval --task captions: measure a captioner on captioned pictures."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import clipsearch
from clipsearch.cli.captioners import Chosen
from clipsearch.cli.exits import DONE, say, say_left_out
from clipsearch.cli.options import Shown
from clipsearch.cli.progress import captioning_step, shown_progress
from clipsearch.cli.quoting import quoted
from clipsearch.cli.records import print_json, skip_record
from clipsearch.cli.tables import print_rows

if TYPE_CHECKING:
    from clipsearch.captions import CaptionedSet
    from clipsearch.evaluation import CaptionEvaluation

PERCENT = ("bleu", "rouge", "meteor", "confidence", "distinct")


def measure_captions(data: CaptionedSet, chosen: Chosen, shown: Shown) -> int:
    """Caption the pictures of the set, measure, and show it."""
    from clipsearch.evaluation import CAPTION_MEASURES, caption_page, evaluate_captions

    captioner = chosen.open()
    with shown_progress(quiet=shown.quiet) as listener:
        found = evaluate_captions(captioner, data, captioning_step(listener))
    skips = (*data.skips, *found.skips)
    if shown.form == "json":
        cost = {"cost": chosen.cost(captioner)}
        print_json("eval", {**_document(found, skips), **cost})
    else:
        say_left_out(skips, "--json lists them all.")
        say(f"{len(found.pictures)} pictures, captioned by {quoted(found.writer)}")
        rows = [
            [CAPTION_MEASURES[name], _number(name, value)]
            for name, value in found.metrics().items()
        ]
        print_rows(["measure", "value"], rows)
        chosen.say_cost(captioner)
        say(f"note: not measured: {', '.join(found.scores.not_measured)} (docs/captioning.md)")
    if shown.html is not None:
        from clipsearch.durable import write_durably

        write_durably(shown.html, caption_page(found).encode())
        say(f"wrote {shown.html}")
    return DONE


def _number(name: str, value: float) -> str:
    if not math.isfinite(value):
        return "-"
    if name.startswith(PERCENT):
        return f"{100 * value:.1f} %"
    return f"{value:.3f}" if name == "cider" else f"{value:g}"


def _document(found: CaptionEvaluation, skips: tuple[clipsearch.Skip, ...]) -> dict[str, Any]:
    return {
        "source": found.source.encode(errors="replace").decode(),
        "captioner": found.writer,
        "task": "captions",
        "pictures": len(found.pictures),
        "metrics": {
            name: value if math.isfinite(value) else None for name, value in found.metrics().items()
        },
        "not_measured": list(found.scores.not_measured),
        "captions": [
            {
                "name": picture.name.encode(errors="replace").decode(),
                "caption": written.text,
                "confidence": written.confidence,
                "cider": round(score, 4),
            }
            for picture, written, score in zip(
                found.pictures, found.written, found.scores.each, strict=True
            )
        ],
        "skipped": [skip_record(skip) for skip in skips],
    }
