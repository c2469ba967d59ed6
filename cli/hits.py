"""Writes hits: a table for people, lines for pipes, JSON, CSV or paths for programs."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import clipsearch
from clipsearch.cli.asking import described
from clipsearch.cli.exits import DONE, NOTHING_FOUND, say
from clipsearch.cli.filters import refuse_unknown_places, why_nothing
from clipsearch.cli.options import Form
from clipsearch.cli.output import Output, open_first
from clipsearch.cli.preview import print_previews
from clipsearch.cli.quoting import quoted
from clipsearch.cli.records import (
    distance_km,
    filter_record,
    hit_record,
    path_fields,
    print_json,
    shown_path,
    skip_record,
    tower_record,
)
from clipsearch.cli.tables import print_csv, print_lines, print_rows, print_table

if TYPE_CHECKING:
    from clipsearch.cli.captioners import Chosen
    from clipsearch.collection_reader import CollectionReader

COLUMNS = (
    *("rank", "score", "rank_score", "probability", "id", "path", "width", "height", "format"),
    *("taken", "camera", "latitude", "longitude", "distance_km"),
)
"""The columns of the CSV, each a field of the JSON of the same name."""
SIGNALS = ("picture", "caption", "words")
LIKELIHOOD = "captioner"
RERANKED = 50
"""How many of the best `--rerank` has weighed again."""
LONGEST = 40
"""Characters of a caption in a table."""
FOOTER = (
    "The bar under a picture is its score, the cosine of picture and query, beside the best on "
    "this page; the percentage is how probably it shows the words."
)
"""What a page says of its numbers."""


@dataclass(frozen=True, slots=True)
class Asking:
    """What a command asks of a collection."""

    command: str
    parts: Sequence[clipsearch.Words | clipsearch.Likeness]
    k: int
    min_score: float | None
    where: clipsearch.Filter
    explain: bool = False
    min_probability: float | None = None
    without: Sequence[str] = ()
    everything: bool = False
    captions: Chosen | None = None
    by: clipsearch.By = "fused"
    rerank: bool = False

    @property
    def title(self) -> str:
        """The parts in a few words."""
        unwanted = (f"without {text}" for text in self.without)
        return ", ".join([*(described(part) for part in self.parts), *unwanted])

    @property
    def query(self) -> clipsearch.Query:
        """As the library asks it; a least score or probability says itself what is wanted."""
        limited = self.min_score is not None or self.min_probability is not None
        return clipsearch.Query(
            self.parts,
            self.k,
            self.min_score,
            self.where,
            min_probability=self.min_probability,
            matches_only=not (self.everything or limited) and self.by in ("fused", "pictures"),
            without=self.without,
            by=self.by,
            rerank=RERANKED if self.rerank else None,
        )


def answer(asking: Asking, name: str, output: Output) -> int:
    """Ask the collection, write the hits, and return whether there were any."""
    from clipsearch.collection_reader import CollectionReader  # writing takes much more to import

    query = asking.query
    with CollectionReader(name) as collection:
        refuse_unknown_places(asking.where, collection)
        hits = list(map(_where_it_is, collection.search(query)))
        untold: Sequence[clipsearch.Skip] = ()
        if asking.captions:
            told = asking.captions.tell(hits)
            hits, untold = told.hits, told.failed
        if output.form == "json":
            print_json(asking.command, _document(asking, collection, hits, untold))
        elif output.preview and output.form is None and sys.stdout.isatty():
            print_previews(hits)
        else:
            print_hits(
                hits,
                output.form,
                asking.where.near,
                explain=asking.explain,
                captions=asking.captions is not None,
            )
        if output.html is not None:
            heats = _heats(asking, collection, hits) if asking.explain else {}
            reasons = _reasons(asking, hits)
            write_page(output.html, [(asking.title, hits)], f"collection {name}", heats, reasons)
        if output.form is None and not asking.explain and sys.stdout.isatty():
            _say_order(asking, hits)
        if asking.rerank:
            _say_unseen(hits)
        if not hits:
            say(_nothing(query, why_nothing(asking.where, collection)))
    if output.opened and (hits or output.html):
        open_first(output, hits)
    return DONE if hits else NOTHING_FOUND


def _where_it_is(hit: clipsearch.Hit) -> clipsearch.Hit:
    """The hit with a place first where its image still lies, if it lies in several."""
    paths = hit.image.paths
    if len(paths) < 2:
        return hit
    from clipsearch.shards import as_found  # most hits lie in one place

    if as_found(paths[0]):
        return hit
    there = next((path for path in paths[1:] if as_found(path)), paths[0])
    others = tuple(path for path in paths if path != there)
    return replace(hit, image=replace(hit.image, paths=(there, *others)))


def _say_order(asking: Asking, hits: Sequence[clipsearch.Hit]) -> None:
    """What the hits are ordered by, where that is not the score that is shown."""
    scores = [hit.score for hit in hits]
    if scores == sorted(scores, reverse=True):
        return
    signals = "pictures, captions and words together" if asking.by == "fused" else asking.by
    again = ", and the captioner" if asking.rerank else ""
    say(f"note: ordered by {signals}{again}, not by score alone; `--explain` shows what counted.")


def _say_unseen(hits: Sequence[clipsearch.Hit]) -> None:
    """How many of the hits that are shown the captioner could not look at."""
    unseen = sum(hit.signals.likelihood is None for hit in hits[:RERANKED])
    if unseen:
        say(f"note: {unseen} of these pictures could not be read again and kept their places")


def _nothing(query: clipsearch.Query, reason: str | None) -> str:
    """What to say where there are no hits."""
    if reason:
        return f"nothing found: {reason}."
    if query.matches_only:
        left = " but what `--not` leaves out" if query.without else ""
        among = " among the pictures that pass the filters" if filter_record(query.where) else ""
        return f"nothing matches{among}{left}. `--all` shows the nearest pictures all the same."
    return "nothing found."


def print_hits(
    hits: Sequence[clipsearch.Hit],
    form: Form | None,
    near: clipsearch.Near | None = None,
    *,
    explain: bool = False,
    captions: bool = False,
) -> None:
    """Write hits in the form asked for: in tables and lines, if asked, with what they rest on.

    With `captions` the first of each is the last column.
    """
    told = ["path", "caption"] if captions else ["path"]
    if form in ("paths", "null"):
        print_paths((hit.path for hit in hits), form)
    elif form == "csv":
        _print_csv(hits, near, captions=captions)
    elif explain:
        again = any(hit.signals.likelihood for hit in hits)
        explained = (
            [*_explained(hit, again=again), *_described(hit, captions=captions)] for hit in hits
        )
        signals = (*SIGNALS, LIKELIHOOD) if again else SIGNALS
        print_rows([">rank", ">rank score", *signals, *told], explained)
    elif sys.stdout.isatty():
        rows = (
            [str(hit.rank), _shown(hit.score), _share(hit), *_described(hit, captions=captions)]
            for hit in hits
        )
        print_table([">rank", ">score", ">match", *told], rows)
    else:
        print_lines(
            [hit.rank, _shown(hit.score), *_described(hit, captions=captions)] for hit in hits
        )


def _print_csv(
    hits: Sequence[clipsearch.Hit], near: clipsearch.Near | None, *, captions: bool
) -> None:
    rows = []
    for hit in hits:
        record = hit_record(hit, near)
        rows.append([record[name] for name in COLUMNS] + [_caption(hit)] * captions)
    print_csv((*COLUMNS, "caption") if captions else COLUMNS, rows)


def _described(hit: clipsearch.Hit, *, captions: bool) -> list[str]:
    """Where a picture lies and, if asked for, what it is said to show."""
    shown = shown_path(hit.image)
    return [shown, quoted(_caption(hit))] if captions else [shown]


def _caption(hit: clipsearch.Hit) -> str:
    """The first caption of a hit, or nothing."""
    return next((each.text for each in hit.image.captions if each.kind == "caption"), "")


def _explained(hit: clipsearch.Hit, *, again: bool) -> list[str]:
    """What a hit's rank rests on: each signal's evidence, and behind it what was measured."""
    picture, caption, words = hit.signals.picture, hit.signals.caption, hit.signals.words
    likely = hit.signals.likelihood
    cells = [
        picture and f"{picture.evidence:+.2f} ({_measured(picture)})",
        caption
        and f"{caption.evidence:+.2f} ({caption.cosine:.4f}, {quoted(caption.source)}: "
        f"{quoted(_short(caption.text))})",
        words
        and f"{words.evidence:+.2f} ({words.bm25:.4f}: {quoted(_short(' '.join(words.words)))})",
        likely and f"{likely.evidence:+.2f} ({likely.nats:+.2f} nats)",
    ]
    shown = [str(cell or "-") for cell in (cells if again else cells[:-1])]
    return [str(hit.rank), _shown(hit.rank_score), *shown]


def _measured(picture: clipsearch.PictureSignal) -> str:
    """The cosine of a picture, and how much of a hub it is where that counted."""
    hub = "" if picture.hubness is None else f", hub {picture.hubness:.2f}"
    return f"{picture.cosine:.4f}{hub}"


def _shown(score: float) -> str:
    return "-" if math.isnan(score) else f"{score:.4f}"


def _short(text: str) -> str:
    """A text in one line, on a terminal of bearable length."""
    one_line = " ".join(text.split())
    whole = len(one_line) <= LONGEST or not sys.stdout.isatty()
    return one_line if whole else f"{one_line[: LONGEST - 1]}…"


def _share(hit: clipsearch.Hit) -> str:
    """The probability in percent; a dash where there is none."""
    return "-" if hit.probability is None else f"{hit.probability:.0%}"


def print_paths(paths: Iterable[Path | None], form: Form) -> None:
    """Write paths only; what is no file has none and is left out."""
    for path in paths:
        if path is None:
            continue
        if form == "null":
            sys.stdout.buffer.write(os.fsencode(path) + b"\0")
        else:
            print(quoted(path))
    sys.stdout.flush()


def write_page(
    target: Path,
    rows: Sequence[tuple[str, Sequence[clipsearch.Hit]]],
    about: str,
    heats: Mapping[int, bytes] | None = None,
    reasons: Mapping[int, str] | None = None,
    footer: str = FOOTER,
) -> None:
    """Write a gallery of hits, a row for each title; heats and reasons are by image id."""
    from clipsearch.gallery import Row, write_gallery

    found = [Row(title, hits, heats or {}, reasons or {}) for title, hits in rows]
    write_gallery(target, found, about, footer)
    say(f"wrote {quoted(target)}")


def _reasons(asking: Asking, hits: Sequence[clipsearch.Hit]) -> dict[int, str]:
    """What there is to say of each hit beside its score."""
    distances = {hit.image.id: distance_km(hit.image, asking.where.near) for hit in hits}
    return {image_id: f"{km:,.1f} km away" for image_id, km in distances.items() if km is not None}


def _heats(
    asking: Asking, collection: CollectionReader, hits: Sequence[clipsearch.Hit]
) -> dict[int, bytes]:
    """Where the query is in each hit; a picture that cannot be read any more has none."""
    from clipsearch.errors import UnreadableQueryImage
    from clipsearch.explanation import explain_embedding, heat_png
    from clipsearch.search import query_embedding

    tower = collection.tower
    embedding = query_embedding(asking.parts, tower)
    heats = {}
    for hit in hits:
        if hit.path is not None:
            with suppress(UnreadableQueryImage):
                found = explain_embedding(tower, hit.path, asking.title, embedding)
                heats[hit.image.id] = heat_png(found)
    return heats


def _document(
    asking: Asking,
    collection: CollectionReader,
    hits: Sequence[clipsearch.Hit],
    untold: Sequence[clipsearch.Skip],
) -> dict[str, Any]:
    return {
        "collection": collection.name,
        "tower": tower_record(collection.tower.identity),
        "query": [_part_record(part, collection.tower) for part in asking.parts],
        "top": asking.k,
        "min_score": asking.min_score,
        "min_probability": asking.min_probability,
        "not": list(asking.without),
        "filter": filter_record(asking.where),
        "by": asking.by,
        "rerank": asking.rerank,
        "matched": bool(hits),
        "hits": [hit_record(hit, asking.where.near) for hit in hits],
        "captions_failed": [skip_record(skip) for skip in untold],
    }


def _part_record(
    part: clipsearch.Words | clipsearch.Likeness, tower: clipsearch.TowerPair
) -> dict[str, Any]:
    if isinstance(part, clipsearch.Words):
        from clipsearch.search import embedded_as

        own = {"text": part.text, "weight": part.weight, "exact": part.exact}
        return {**own, "embedded": list(embedded_as(part, tower))}
    path = part.picture if isinstance(part.picture, Path) else Path("-")
    return {"image": path_fields(path)["path"], "weight": part.weight}
