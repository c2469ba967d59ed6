"""clipsearch caption: write a sentence about each picture."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import clipsearch
from clipsearch.cli import options
from clipsearch.cli.caption_options import (
    Target,
    manner_options,
    overwrite_option,
    write_option,
)
from clipsearch.cli.captioners import Chosen, captioner_options
from clipsearch.cli.exits import Terminated, code_of, refuse_absent, say, say_left_out
from clipsearch.cli.help import command
from clipsearch.cli.progress import shown_progress
from clipsearch.cli.quoting import quoted
from clipsearch.cli.records import path_fields, print_json, skip_record
from clipsearch.cli.tables import print_lines

if TYPE_CHECKING:
    from clipsearch.caption_writing import CaptionWriter
    from clipsearch.captioning import CaptionedFile, CaptionOptions, Sink
    from clipsearch.values import FoundFile, Skip


@dataclass(frozen=True)
class Asked:
    """What is to be captioned and by whom, where it is kept, how it is shown."""

    paths: Sequence[Path]
    name: str | None
    write: Target | None
    overwrite: bool
    form: options.Form | None
    quiet: bool
    chosen: Chosen


@dataclass
class Outcome:
    """What was captioned, what had a caption, what was left out."""

    captioned: list[CaptionedFile] = field(default_factory=list)
    already: int = 0
    failed: list[Skip] = field(default_factory=list)


@command(
    "clipsearch caption photo.jpg",
    "clipsearch caption ~/Pictures --write sidecar       photo.txt beside photo.jpg",
    "clipsearch caption ~/Pictures --write xmp           photo.jpg.xmp, for other programs too",
    "clipsearch caption ~/Pictures --write captions.csv",
    "clipsearch caption -c holidays --write catalogue    captions for `query` to search",
    "clipsearch caption photo.jpg --sample --seed 7",
    "clipsearch caption ~/Pictures --json | jq -r '.captions[].caption'",
)
@click.argument("paths", nargs=-1, type=options.ANY_PATH, metavar="[PATH]...")
@click.option("-c", "--collection", "name", metavar="NAME", help="Caption a collection's pictures.")
@write_option
@overwrite_option
@captioner_options
@manner_options
@options.wait_option
@options.no_progress_option
@options.json_option
def caption(
    paths: tuple[Path, ...],
    name: str | None,
    write: Target | None,
    overwrite: bool,
    quiet: bool,
    form: options.Form | None,
    chosen: Chosen,
    **given: Any,
) -> int:
    """Write a sentence about each picture, offline unless you name a server.

    PATHs are pictures or folders of them; with -c those of a collection that lie there, or all.
    Prints path, confidence and caption as they come. The confidence is the probability that the
    caption is as good as most are, `-` where the captioner knows none.

    --write keeps them: `sidecar` in a .txt beside each picture, `xmp` as its description in an
    .xmp, `catalogue` in the collection, or in a FILE.csv. Pictures that have such a caption are
    skipped, so it goes on where it was stopped. A sidecar that stands is never touched without
    --overwrite; in a collection --overwrite replaces what this captioner wrote, and captions that
    people gave stay. `index` knows from all of them that a model wrote it.
    """
    asked = Asked(paths, name, write, overwrite, form, quiet, chosen)
    into_catalogue = write is not None and write.kind == "catalogue"
    if not paths and name is None and not into_catalogue:
        raise click.UsageError("give PATHs, or a collection with -c NAME.")
    refuse_absent(paths)
    captioner, wanted = chosen.open(), chosen_options(given)
    if into_catalogue:
        return _into_catalogue(captioner, wanted, asked, given["wait"])
    return _files(captioner, wanted, asked)


def chosen_options(given: Mapping[str, Any]) -> CaptionOptions:
    """How captions are to be written, of the options given."""
    from clipsearch.captioning import CaptionOptions, Manner

    nucleus = given["nucleus"] if given["sample"] else None
    manner = Manner(given["beams"], nucleus, given["seed"], given["longest"])
    return CaptionOptions(manner, given["workers"])


def _into_catalogue(
    captioner: CaptionWriter, wanted: CaptionOptions, asked: Asked, wait: float
) -> int:
    name = asked.name or "default"
    with clipsearch.Collection(name, wait_seconds=wait) as collection:
        try:
            with shown_progress(quiet=asked.quiet) as listener:
                report = collection.caption_images(
                    captioner, wanted, asked.paths, listener, anew=asked.overwrite
                )
        except (KeyboardInterrupt, Terminated):
            say("stopped; what was captioned is in; run it again to go on.")
            raise
    if asked.form == "json":
        fields = {
            "collection": name,
            "source": captioner.source,
            "captioned": report.captioned,
            "already": report.already,
            "fileless": report.fileless,
            "failed": [skip_record(skip) for skip in report.failed],
            "cost": asked.chosen.cost(captioner),
        }
        print_json("caption", fields)
    else:
        say_left_out(report.failed, "--json lists them all.")
        asked.chosen.say_cost(captioner)
        print(f"{report.captioned} captioned, {report.already} had a caption")
    return code_of(report.captioned + report.already, len(report.failed))


def _files(captioner: CaptionWriter, wanted: CaptionOptions, asked: Asked) -> int:
    """Caption files; each is printed as it comes, unless one JSON object is asked for."""
    outcome = Outcome()
    with closing(_sink(asked, captioner)) as sink:
        found = list(_found(asked, outcome))
        files = [file for file in found if sink.wants(file.path)]
        outcome.already = len(found) - len(files)
        try:
            _caption_each(captioner, wanted, files, sink, asked, outcome)
        except (KeyboardInterrupt, Terminated):
            kept = "; they are kept, run it again to go on" if asked.write else ""
            say(f"stopped; {len(outcome.captioned)} were captioned{kept}.")
            raise
    if asked.form == "json":
        cost = {"cost": asked.chosen.cost(captioner)}
        print_json("caption", {**_document(captioner, outcome), **cost})
    else:
        say_left_out(outcome.failed, "--json lists them all.")
        asked.chosen.say_cost(captioner)
        if outcome.already:
            say(f"{outcome.already} had a caption already.")
    return code_of(len(outcome.captioned) + outcome.already, len(outcome.failed))


def _caption_each(
    captioner: CaptionWriter,
    wanted: CaptionOptions,
    files: Sequence[FoundFile],
    sink: Sink,
    asked: Asked,
    outcome: Outcome,
) -> None:
    from clipsearch.captioning import CaptionedFile, caption_into

    # on a terminal the captions themselves show how far it is
    quiet = asked.quiet or (asked.form is None and sys.stdout.isatty())
    with (
        shown_progress(quiet=quiet) as listener,
        closing(caption_into(sink, captioner, files, wanted)) as captioned,
    ):
        for done, each in enumerate(captioned, 1):
            if isinstance(each, CaptionedFile):
                outcome.captioned.append(each)
                if asked.form is None:
                    sure = each.caption.confidence
                    shown = "-" if sure is None else f"{sure:.2f}"
                    print_lines([[quoted(each.path), shown, quoted(each.caption.text)]])
                    sys.stdout.flush()
            else:
                outcome.failed.append(each)
            failed = len(outcome.failed)
            listener(clipsearch.Progress("captioning", done, len(files), failed))


def _sink(asked: Asked, captioner: CaptionWriter) -> Sink:
    from clipsearch.captioning import CaptionTable, Nowhere, Sidecars, XmpSidecars

    if asked.write is None:
        return Nowhere()
    if asked.write.kind == "sidecar":
        return Sidecars(captioner.source, overwrite=asked.overwrite)
    if asked.write.kind == "xmp":
        return XmpSidecars(captioner.source, overwrite=asked.overwrite)
    return CaptionTable(asked.write.file, captioner.source, overwrite=asked.overwrite)


def _found(asked: Asked, outcome: Outcome) -> Iterator[FoundFile]:
    """The files at and under the PATHs, or those of the collection; what is none is left out."""
    from clipsearch.captioning import find_files
    from clipsearch.images import ScanRules

    if asked.name is None:
        roots: Sequence[Path] = asked.paths
    else:
        with clipsearch.Collection(asked.name) as collection:
            where = clipsearch.Filter(under=asked.paths or None)
            roots = [image.paths[0] for image in collection.matching(where) if image.paths]
    for found in find_files(roots, ScanRules()):
        if isinstance(found, clipsearch.Skip):
            outcome.failed.append(found)
        else:
            yield found


def _document(captioner: CaptionWriter, outcome: Outcome) -> dict[str, Any]:
    return {
        "source": captioner.source,
        "captions": [
            {
                **path_fields(each.path),
                "caption": each.caption.text,
                "confidence": each.caption.confidence,
            }
            for each in outcome.captioned
        ],
        "already": outcome.already,
        "failed": [skip_record(skip) for skip in outcome.failed],
    }
