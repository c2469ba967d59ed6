"""The page: a row of pictures for each query, with scores as small bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from importlib.resources import files
from pathlib import Path
from textwrap import shorten

from clipsearch.durable import write_durably
from clipsearch.gallery.thumbnails import Thumbnail, png_uri, thumbnail
from clipsearch.shards import in_shard
from clipsearch.values import GENERATED, Caption, Hit

# So many pictures stand in one line of a wide page.
ONE_LINE = 6
# A screen reader reads all of it aloud, and below a picture is no room for a story.
LONGEST_CAPTION = 250
# A very long panorama or tower would fill a row, or vanish in it.
NARROWEST, WIDEST = 0.6, 2.4

_HEAD = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
"""


@dataclass(frozen=True, slots=True)
class Row:
    """What was asked, in words, and what was found, best first.

    `heats` has for an image id a small PNG with transparency that is laid over the picture,
    `reasons` a few words on why it was found.
    """

    title: str
    hits: Sequence[Hit]
    heats: Mapping[int, bytes] = field(default_factory=dict)
    reasons: Mapping[int, str] = field(default_factory=dict)


def gallery_page(rows: Sequence[Row], about: str, footer: str = "") -> str:
    """One HTML document with a row of pictures for each of `rows`.

    `about` is a line under the page's name, `footer` says what its numbers are. Titles, names
    and everything else foreign is escaped; the page's policy lets no script run and nothing be
    fetched.
    """
    best = max((hit.score for row in rows for hit in row.hits), default=0.0)
    title = rows[0].title if len(rows) == 1 else f"{len(rows)} queries"
    style = files("clipsearch.gallery").joinpath("style.css").read_text(encoding="utf-8")
    return "".join(
        [
            _HEAD,
            f"<title>{_text(title)} · clipsearch</title>\n<style>\n{style}</style>\n",
            f"<header><h1>clipsearch</h1><p>{_text(about)}</p></header>\n<main>\n",
            *(_section(row, best) for row in rows),
            f"</main>\n<footer><p>{_text(footer)}</p></footer>\n</html>\n",
        ]
    )


def write_gallery(target: Path, rows: Sequence[Row], about: str, footer: str = "") -> None:
    """Write the page, whole or not at all; a page that stands there is replaced."""
    write_durably(target, gallery_page(rows, about, footer).encode())


def _section(row: Row, best: float) -> str:
    figures = "".join(_figure(hit, row, best) for hit in row.hits)
    found = figures or "<p class=none>Nothing found.</p>"
    kind = "row line" if len(row.hits) <= ONE_LINE else "row"
    return (
        f'<section>\n<h2>{_text(row.title)}</h2>\n<div class="{kind}">\n{found}</div>\n</section>\n'
    )


def _figure(hit: Hit, row: Row, best: float) -> str:
    name = hit.path.name if hit.path else f"image {hit.image.id}"
    told, reason = _caption(hit), row.reasons.get(hit.image.id)
    caption = told and shorten(told.text, LONGEST_CAPTION, placeholder=" ...")
    info = hit.image.info
    ratio = min(WIDEST, max(NARROWEST, info.width / info.height))
    part = max(0.0, hit.score / best) if best > 0 else 0.0
    facts = f"{info.width} × {info.height}" + (f", {info.taken:%Y-%m-%d}" if info.taken else "")
    picture = _shown(hit, row, f"Hit {hit.rank} for {row.title}: {caption or name}")
    return (
        f'<figure style="--ratio:{ratio:.3f}">'
        f"{_linked(hit, picture)}"
        f'<div class=bar><i style="width:{part:.1%}"></i></div>'
        f'<figcaption title="{_text(str(hit.path or name))} ({_text(facts)})">'
        f"<span class=rank>{hit.rank}</span>{_linked(hit, f'<bdi>{_text(name)}</bdi>')}"
        f"{_match(hit)}<data value={hit.score:.6f}>{_number(hit.score)}</data>"
        "</figcaption>"
        f"{_said(caption, told.source) if caption and told else ''}"
        f"{f'<p class=why>{_text(reason)}</p>' if reason else ''}"
        "</figure>\n"
    )


def _linked(hit: Hit, content: str) -> str:
    """HTML that leads to the hit's file, where it has one of its own.

    A picture inside a tar leads to the tar. The URL is quoted byte by byte (RFC 8089).
    """
    if hit.path is None:
        return content
    holder, _ = in_shard(hit.path) or (hit.path, "")
    return f'<a href="{escape(holder.absolute().as_uri())}">{content}</a>'


def _match(hit: Hit) -> str:
    """How probably the picture shows the words, where that is known."""
    return "" if hit.probability is None else f"<span class=match>{hit.probability:.0%}</span>"


def _caption(hit: Hit) -> Caption | None:
    """What is said of a hit, by somebody rather than by a model; None where nothing is."""
    captions = [each for each in hit.image.captions if each.kind == "caption"]
    return min(captions, key=_by_a_model, default=None)


def _by_a_model(caption: Caption) -> bool:
    return caption.source.startswith(GENERATED)


def _said(caption: str, source: str) -> str:
    """A caption below its picture; a model's is marked as such."""
    if not source.startswith(GENERATED):
        return f"<p class=said>{_text(caption)}</p>"
    model = _text(source.removeprefix(GENERATED))
    return (
        f'<p class=said title="written by {model}">{_text(caption)} <small>by a model</small></p>'
    )


def _shown(hit: Hit, row: Row, alt: str) -> str:
    """The picture, with its heat over it where there is one."""
    small = thumbnail(hit.image)
    heat = row.heats.get(hit.image.id)
    if small is None or heat is None:
        return _picture(small, alt)
    over = f'<img class=heat src="{png_uri(heat)}" alt="">'
    return f"<div class=shown>{_picture(small, alt)}{over}</div>"


def _picture(small: Thumbnail | None, alt: str) -> str:
    if small is None:
        return f'<div class=gone role=img aria-label="{_text(alt)}">cannot be shown</div>'
    return f'<img src="{small.uri}" width={small.width} height={small.height} alt="{_text(alt)}">'


def _number(score: float) -> str:
    return f"{round(score, 3) + 0.0:.3f}".replace("-", "\N{MINUS SIGN}")


def _text(foreign: str) -> str:
    """Foreign text for HTML, also inside quotes; what cannot be seen becomes U+FFFD."""
    return escape("".join(char if char.isprintable() else "\ufffd" for char in foreign))
