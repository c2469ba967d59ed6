"""clipsearch eval --task generated: what a model's captions add to a search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import clipsearch
from clipsearch.cli.eval_request import Request
from clipsearch.cli.exits import DONE, say, say_left_out
from clipsearch.cli.progress import captioning_step, shown_progress
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


@dataclass(frozen=True, slots=True)
class Asked:
    """What is measured: a set, its split or the collection it is of, and the tower."""

    data: CaptionedSet
    split: str | None
    collection: str | None
    tower: clipsearch.TowerPair


@dataclass(frozen=True, slots=True)
class Found:
    """What came of it."""

    gain: CaptionGain
    captioners: tuple[str, ...]
    skips: tuple[clipsearch.Skip, ...]


def measure_generated(request: Request) -> int:
    """Search with and without a model's captions, and show what they add."""
    captioned, (tower,) = request.captioned(), request.towers()
    asked = Asked(captioned, request.given["split"], request.collection, tower)
    chosen, shown = request.chosen, request.shown
    writer = chosen.open() if asked.collection is None else None
    no_skips: list[clipsearch.Skip] = []
    with shown_progress(quiet=shown.quiet) as listener:
        if writer is None:
            written, unwritten = _held(asked.collection or ""), no_skips
        else:
            written, unwritten = _newly_written(asked.data, writer, listener)
        found = _measured(asked, written, unwritten, listener)
    if shown.form == "json":
        print_json("eval", {**_document(asked, found), "cost": chosen.cost(writer)})
        return DONE
    say_left_out(found.skips, "--json lists them all.")
    _say_measured(asked, found)
    print_rows(
        ["text to image", ">pictures alone", ">with these captions", ">they add (95 %)"],
        [
            [
                f"R@{k}",
                f"{100 * found.gain.alone[k]:.1f} %",
                f"{100 * found.gain.with_captions[k]:.1f} %",
                _shown(gain),
            ]
            for k, gain in found.gain.gain.items()
        ],
    )
    if writer is not None:
        chosen.say_cost(writer)
    return DONE


def _held(name: str) -> Written:
    """A model's captions that a collection has."""
    from clipsearch.captions import generated_captions

    with clipsearch.Collection(name) as collection:
        return generated_captions(collection)


def _newly_written(
    data: CaptionedSet, writer: clipsearch.CaptionWriter, listener: clipsearch.ingest.OnProgress
) -> tuple[Written, list[clipsearch.Skip]]:
    """Have the pictures captioned; those that could not be are skips."""
    from clipsearch.evaluation import write_captions

    told, written, failed = write_captions(writer, data.pictures, captioning_step(listener))
    found = {
        picture.name: [clipsearch.Caption(caption.text, writer.source)]
        for picture, caption in zip(told, written, strict=True)
    }
    return found, failed


def _measured(
    asked: Asked,
    written: Written,
    unwritten: Sequence[clipsearch.Skip],
    listener: clipsearch.ingest.OnProgress,
) -> Found:
    """Embed what is not embedded yet, and ask. Raises NothingToMeasure."""
    from clipsearch.caption_gain import DescribedPictures, caption_gain
    from clipsearch.evaluation import PLAIN, embed_pictures

    def hear(phase: str, done: int, total: int, failed: int) -> None:
        listener(clipsearch.Progress(PHASES[phase], done, total, failed))

    kept, images, unread = embed_pictures(asked.data, asked.tower, {}, hear)
    model = [tuple(written.get(picture.name, ())) for picture in kept]
    if not any(model):
        raise NothingToMeasure(asked.data.source, _without_captions(asked, len(kept)))
    told = DescribedPictures(images[PLAIN], [picture.captions for picture in kept], model)
    gain = caption_gain(told, asked.tower, hear)
    captioners = sorted({each.source for own in model for each in own})
    skips = dict.fromkeys((*asked.data.skips, *unwritten, *unread))
    return Found(gain, tuple(captioners), tuple(skips))


def _without_captions(asked: Asked, count: int) -> str:
    if asked.collection is None:
        return f"none of {count} pictures was captioned"
    way_out = f"`clipsearch caption --collection {asked.collection} --write catalogue` writes them"
    return f"none of {count} pictures has a model's caption; {way_out}"


def _say_measured(asked: Asked, found: Found) -> None:
    gain = found.gain
    say(
        f"{gain.captioned} of {gain.pictures} pictures captioned by "
        f"{quoted(', '.join(found.captioners))}; {gain.queries} captions asked of "
        f"{quoted(asked.tower.identity.name)}"
    )


def _shown(gain: Interval) -> str:
    return f"{100 * gain.value:+.1f} ({100 * gain.low:+.1f} to {100 * gain.high:+.1f})"


def _document(asked: Asked, found: Found) -> dict[str, Any]:
    return {
        "source": asked.data.source.encode(errors="replace").decode(),
        "split": asked.split,
        "model": asked.tower.identity.name,
        "precision": asked.tower.identity.precision,
        "captioners": [each.encode(errors="replace").decode() for each in found.captioners],
        "task": "generated",
        "pictures": found.gain.pictures,
        "captioned": found.gain.captioned,
        "captions": found.gain.queries,
        "results": [
            {
                "k": k,
                "pictures_alone": round(found.gain.alone[k], 6),
                "with_captions": round(found.gain.with_captions[k], 6),
                "gain": round(gain.value, 6),
                "gain_low": round(gain.low, 6),
                "gain_high": round(gain.high, 6),
            }
            for k, gain in found.gain.gain.items()
        ],
        "skipped": [skip_record(skip) for skip in found.skips],
    }
