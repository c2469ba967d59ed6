"""clipsearch watch: keep a collection up to its folders while they change."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import click

import clipsearch
from clipsearch.cli import options
from clipsearch.cli.exits import DONE, Terminated, failed_hint, say
from clipsearch.cli.help import command
from clipsearch.cli.quoting import quoted
from clipsearch.cli.records import SCHEMA_VERSION, path_list_fields
from clipsearch.cli.summary import counts, report_record, say_remarks

SAID = {
    "away": "is away; nothing was dropped, and it is waited for",
    "back": "is there again",
    "unreadable": "has no picture that can be read",
}


@command(
    "clipsearch watch ~/Pictures /mnt/camera",
    "clipsearch watch                              all known folders",
    "clipsearch watch /net/photos --poll 300       a disk that other machines write",
    "clipsearch watch ~/Pictures --json | jq -c '{event, added}'",
)
@click.argument("paths", nargs=-1, type=options.ANY_PATH, metavar="[PATH]...")
@options.collection_option
@options.model_option
@click.option(
    "--settle",
    type=click.FloatRange(min=0.05, max=600),
    metavar="SECONDS",
    default=1.0,
    show_default=True,
    help="Wait until nothing more changes for so long.",
)
@click.option(
    "--poll",
    type=click.FloatRange(min=1),
    metavar="SECONDS",
    help="Look at everything so often, instead of asking the system what changes.",
)
@click.option(
    "--exclude", multiple=True, metavar="GLOB", help="As of `clipsearch index`; may repeat."
)
@options.workers_option
@click.option("--quiet", is_flag=True, help="Say only what went wrong.")
@click.option("--json", "form", flag_value="json", help="Write one JSON object a line an event.")
def watch(
    paths: tuple[Path, ...],
    name: str,
    model: str | None,
    settle: float,
    poll: float | None,
    exclude: tuple[str, ...],
    workers: int | None,
    quiet: bool,
    form: options.Form | None,
) -> int:
    """Take folders in, and then whatever changes in them, until Ctrl-C.

    New, changed, moved and vanished pictures are taken over within seconds. A folder that goes
    away, as a disk that is unplugged, drops nothing and is waited for. Between changes the
    collection is free for other commands. Ctrl-C ends it at any time (exit 130); nothing that
    was taken in is lost. Needs pip install 'clipsearch[watch]', but for --poll.
    """
    how = clipsearch.WatchOptions(
        settle=settle,
        poll=poll,
        ingest=clipsearch.IngestOptions(exclude=exclude or None, workers=workers),
    )
    tell = partial(_print_event, name) if form == "json" else partial(_say_event, name, quiet)
    with clipsearch.Collection(name, model=model) as collection:
        try:
            collection.watch(paths, how, tell)
        except (KeyboardInterrupt, Terminated):
            if not quiet:
                say("stopped watching; run it again to go on.")
            raise
    return DONE


def _print_event(name: str, event: clipsearch.WatchEvent) -> None:
    document: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "command": "watch",
        "event": event.kind,
        "collection": name,
        **path_list_fields("roots", event.roots),
        "detail": event.detail or None,
    }
    if event.report is not None:
        document |= report_record(event.report)
    print(json.dumps(document, allow_nan=False), flush=True)


def _say_event(name: str, quiet: bool, event: clipsearch.WatchEvent) -> None:
    if event.kind in ("held", "polling"):
        say(f"clipsearch: {event.detail}")
    elif event.kind in SAID:
        for root in event.roots:
            say(f"{quoted(root)} {SAID[event.kind]}")
    elif not quiet:
        if event.report is not None:
            say_remarks(event.report, failed_hint(name))
            print(counts(event.report), flush=True)
        if event.kind == "ready":
            say(f"watching {', '.join(map(quoted, event.roots))}; Ctrl-C ends it.")
