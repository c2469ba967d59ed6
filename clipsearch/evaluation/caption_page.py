"""The captions as one HTML page: the figures, then the best and the worst of them."""

from __future__ import annotations

import numpy as np

from clipsearch.evaluation.captions import CAPTION_MEASURES, CaptionEvaluation
from clipsearch.evaluation.page import HEAD, figure, text_of

SHOWN, REFERENCES = 24, 5


def caption_page(evaluation: CaptionEvaluation) -> str:
    """One document; every foreign word in it is escaped and nothing is fetched."""
    rows = (
        f"<tr><td>{CAPTION_MEASURES[name]}</td><td>{value:.4g}</td></tr>\n"
        for name, value in evaluation.metrics().items()
    )
    order = np.argsort(-np.asarray(evaluation.scores.each), kind="stable")
    best = order[: min(SHOWN, (len(order) + 1) // 2)]
    worst = order[::-1][: min(SHOWN, len(order) // 2)]
    parts = [
        *(HEAD, f"<h1>clipsearch eval</h1>\n<h2>{text_of(evaluation.writer)}</h2>\n"),
        f"<table>\n{''.join(rows)}</table>\n<h2>Best by CIDEr-D</h2>\n",
        *(_row(evaluation, int(at)) for at in best),
        "<h2>Worst</h2>\n",
        *(_row(evaluation, int(at)) for at in worst),
        "</html>\n",
    ]
    return "".join(parts)


def _row(evaluation: CaptionEvaluation, at: int) -> str:
    written, picture = evaluation.written[at], evaluation.pictures[at]
    sure = "unknown" if written.confidence is None else f"{written.confidence:.2f}"
    told = f"CIDEr-D {evaluation.scores.each[at]:.2f}, confidence {sure}"
    references = "".join(f"<br>{text_of(text)}" for text in picture.captions[:REFERENCES])
    return (
        f"<h3>{text_of(written.text)} <small>({told})</small></h3>\n"
        f"<div class=row>{figure(picture, '')}<small>{references}</small></div>\n"
    )
