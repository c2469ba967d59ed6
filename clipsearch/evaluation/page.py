"""The report as one HTML page: the figures, and hits and misses as pictures."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Sequence
from html import escape

import numpy as np
from PIL import Image

from clipsearch.captions import CaptionedPicture
from clipsearch.errors import UnreadableQueryImage
from clipsearch.evaluation.embedding import PLAIN, EmbeddedSet
from clipsearch.evaluation.evaluate import Evaluation
from clipsearch.evaluation.retrieval import cosines
from clipsearch.images import decode_picture
from clipsearch.values import Preprocessing

SHOWN, FIRST, SIDE = 6, 5, 160
_SMALL = Preprocessing(SIDE, SIDE, "longest", "bicubic", (0, 0, 0), (1, 1, 1), 128)
HEAD = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>clipsearch eval</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1100px; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; margin: 1rem 0 } td, th { padding: .15rem 1rem .15rem 0 }
td + td { text-align: right; font-variant-numeric: tabular-nums } th { text-align: left }
.row { display: flex; gap: .5rem; flex-wrap: wrap } figure { margin: 0 }
img { width: 160px; height: 160px; border: 3px solid transparent; display: block }
.right img { border-color: #2e8b57 } figcaption { font-size: 12px; color: #888 }
h3 { font-weight: 500; margin: 1.2rem 0 .4rem; overflow-wrap: anywhere }
</style>
"""


def evaluation_page(evaluations: Sequence[Evaluation]) -> str:
    """One document; every foreign word in it is escaped and nothing is fetched."""
    parts = [HEAD, "<h1>clipsearch eval</h1>\n"]
    for each in evaluations:
        parts += [f"<h2>{text_of(each.name)}</h2>\n", _table(each)]
        parts += _shown(each.embedded)
    return "".join([*parts, "</html>\n"])


def _table(evaluation: Evaluation) -> str:
    rows = (
        f"<tr><td>{text_of(' '.join((result.task, result.condition, name)))}</td>"
        f"<td>{value:.4g}</td></tr>\n"
        for result in evaluation.results
        for name, value in result.metrics.items()
    )
    return f"<table>\n{''.join(rows)}</table>\n"


def _shown(embedded: EmbeddedSet) -> Iterator[str]:
    """Captions spread over the set: some whose picture came first, some where it did not."""
    every = max(1, len(embedded.texts) // 400)
    asked = np.arange(0, len(embedded.texts), every)
    scores = np.nan_to_num(cosines(embedded.captions[asked], embedded.images[PLAIN]), nan=-2.0)
    first = np.argsort(-scores, axis=1, kind="stable")[:, :FIRST]
    hit = first[:, 0] == embedded.owner[asked]
    for title, chosen in (("Hits", np.flatnonzero(hit)), ("Misses", np.flatnonzero(~hit))):
        yield f"<h2>{title}</h2>\n"
        for at in chosen[:: max(1, len(chosen) // SHOWN)][:SHOWN]:
            yield _row(embedded, int(asked[at]), first[at].tolist(), scores[at])


def _row(embedded: EmbeddedSet, caption: int, first: list[int], scores: np.ndarray) -> str:
    own = int(embedded.owner[caption])
    rows = first if own in first else [*first, own]
    rank = 1 + int(np.sum(scores > scores[own]))
    figures = (_figure(embedded, row, float(scores[row]), row == own) for row in rows)
    title = f"{text_of(embedded.texts[caption])} <small>(rank {rank})</small>"
    return f"<h3>{title}</h3>\n<div class=row>{''.join(figures)}</div>\n"


def _figure(embedded: EmbeddedSet, row: int, score: float, right: object) -> str:
    return figure(embedded.pictures[row], f"{score:.3f}", right=bool(right))


def figure(picture: CaptionedPicture, caption: str, *, right: bool = False) -> str:
    """A picture, small, with a few words (no HTML) beneath it."""
    kind = " class=right" if right else ""
    try:
        pixels = decode_picture(picture.read(), _SMALL).pixels
    except (OSError, UnreadableQueryImage):
        return f"<figure{kind}>cannot be shown</figure>"
    encoded = io.BytesIO()
    Image.fromarray(pixels).save(encoded, "JPEG", quality=80)
    text = base64.b64encode(encoded.getvalue()).decode("ascii")
    return (
        f'<figure{kind}><img alt="{text_of(picture.name)}" src="data:image/jpeg;base64,{text}">'
        f"<figcaption>{text_of(caption)}</figcaption></figure>"
    )


def text_of(foreign: str) -> str:
    """Foreign words as HTML, what cannot be printed replaced."""
    return escape("".join(char if char.isprintable() else "\ufffd" for char in foreign))
