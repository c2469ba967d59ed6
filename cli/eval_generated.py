"""clipsearch eval --task generated: what a model's captions add to a search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import clipsearch
from clipsearch.cli.captioners import Chosen
from clipsearch.cli.exits import DONE, say, say_left_out
from clipsearch.cli.options import Shown
from clipsearch.cli.progress import shown_progress
from clipsearch.cli.quoting import quoted
from clipsearch.cli.records import print_json, skip_record
from clipsearch.cli.tables import print_rows
from clipsearch.evaluation_errors import NothingToMeasure

if TYPE_CHECKING:
    from clipsearch.caption_gain import CaptionGain, Interval
    from clipsearch.captions import CaptionedSet

PHASES: dict[str, Literal["embedding", "asking"]] = {"pictures": "embedding", "queries": "asking"}

Written = Mapping[str, Sequence[clipsearch.Caption]]
"""Captions of a model by the pictures' names."""


def measure_generated(
    data: CaptionedSet,
    collection: str | None,
    tower: clipsearch.TowerPair,
    chosen: Chosen,
    shown: Shown,
) -> int:
    """Search with and without a model's captions, and show what they add."""
    from clipsearch.caption_gain import caption_gain
    from clipsearch.evaluation import embed_set

    skips = list(data.skips)
    with shown_progress(quiet=shown.quiet) as listener:

        def hear(phase: str, done: int, total: int, failed: int) -> None:
            if phase in PHASES:
                listener(clipsearch.Progress(PHASES[phase], done, total, failed))

        if collection is not None:
            written, cost = _held(collection), None
        else:
            written, cost = _newly_written(data, chosen, skips, listener)
        embedded = embed_set(data, tower, {}, hear)
        found = caption_gain(embedded, written, tower, hear)
    skips += embedded.skips
    models = sorted({each.source for own in written.values() for each in own})
    if shown.form == "json":
        print_json("eval", {**_document(data.source, models, found, skips), "cost": cost})
        return DONE
    say_left_out(tuple(dict.fromkeys(skips)), "--json lists them all.")
    say(
        f"{found.captioned} of {found.pictures} pictures captioned by "
        f"{quoted(', '.join(models))}; {found.queries} captions asked"
    )
    print_rows(
        ["text to image", ">pictures alone", ">with these captions", ">they add (95 %)", ""],
        [
            [
                f"R@{k}",
                f"{100 * found.alone[k]:.1f} %",
                f"{100 * found.with_captions[k]:.1f} %",
                _shown(found.gain[k]),
                "",
            ]
            for k in found.gain
        ],
    )
    return DONE


def _held(name: str) -> Written:
    """A model's captions that a collection has. Raises NothingToMeasure without any."""
    from clipsearch.captions import generated_captions

    with clipsearch.Collection(name) as collection:
        found = generated_captions(collection)
    if not found:
        way_out = f"`clipsearch caption --collection {name} --write catalogue` writes them"
        raise NothingToMeasure(name, f"no picture has a model's caption; {way_out}")
    return found


def _newly_written(
    data: CaptionedSet,
    chosen: Chosen,
    skips: list[clipsearch.Skip],
    listener: Any,
) -> tuple[Written, dict[str, Any] | None]:
    """Have the pictures captioned; those without go to `skips`."""
    from clipsearch.evaluation import write_captions

    writer = chosen.open()
    told, written, failed = write_captions(
        writer,
        data.pictures,
        lambda _, done, total, failed: listener(
            clipsearch.Progress("captioning", done, total, failed)
        ),
    )
    skips += failed
    found = {
        picture.name: [clipsearch.Caption(caption.text, writer.source)]
        for picture, caption in zip(told, written, strict=True)
    }
    return found, chosen.cost(writer)


def _shown(gain: Interval) -> str:
    return f"{100 * gain.value:+.1f} ({100 * gain.low:+.1f} to {100 * gain.high:+.1f})"


def _document(
    source: str, models: list[str], found: CaptionGain, skips: Sequence[clipsearch.Skip]
) -> dict[str, Any]:
    return {
        "source": source.encode(errors="replace").decode(),
        "captioners": models,
        "task": "generated",
        "pictures": found.pictures,
        "captioned": found.captioned,
        "captions": found.queries,
        "results": [
            {
                "k": k,
                "pictures_alone": round(found.alone[k], 6),
                "with_captions": round(found.with_captions[k], 6),
                "gain": round(gain.value, 6),
                "gain_low": round(gain.low, 6),
                "gain_high": round(gain.high, 6),
            }
            for k, gain in found.gain.items()
        ],
        "skipped": [skip_record(skip) for skip in dict.fromkeys(skips)],
    }
