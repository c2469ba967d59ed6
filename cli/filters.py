"""The options that say which pictures may be found, and what they ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from clipsearch.cli.options import ANY_PATH
from clipsearch.cli.quoting import quoted

if TYPE_CHECKING:
    from clipsearch.collection_reader import CollectionReader
    from clipsearch.filters import Filter

Command = Callable[..., Any]

_OPTIONS = (
    click.option(
        "--under", type=ANY_PATH, multiple=True, metavar="DIR", help="In this folder or file."
    ),
    click.option(
        "--not-under", type=ANY_PATH, multiple=True, metavar="DIR", help="Outside this folder."
    ),
    click.option(
        "--after",
        metavar="DATE",
        help="Taken in this year, month or day, or later: 2024-06.",
    ),
    click.option("--before", metavar="DATE", help="Taken before this year, month or day began."),
    click.option(
        "--format", "formats", multiple=True, metavar="FORMAT", help="Of this format: jpeg, heic."
    ),
    click.option(
        "--not-format", "not_formats", multiple=True, metavar="FORMAT", help="Of another one."
    ),
    click.option(
        "--camera",
        "cameras",
        multiple=True,
        metavar="NAME",
        help="Taken with a camera whose name holds this, in any case.",
    ),
    click.option(
        "--not-camera", "not_cameras", multiple=True, metavar="NAME", help="Not with such a camera."
    ),
    click.option(
        "--near", metavar="LAT,LON,KM", help="Taken within so many km of a place: 48.14,11.58,10."
    ),
    click.option(
        "--min-size",
        metavar="SIZE",
        help="At least so large, by sides or megapixels: 1920x1080, 2MP.",
    ),
    click.option("--has-caption/--no-caption", default=None, help="With, or without, a caption."),
    click.option(
        "--where",
        "metadata",
        multiple=True,
        metavar="KEY=VALUE",
        help="With this metadata of a program; KEY!=VALUE: without it.",
    ),
)


def filter_options(command: Command) -> Command:
    """Give a command the options of filters, and pass it their Filter as `where`.

    An option that may repeat is satisfied by any one of its values; each of several `--where`
    must hold, and so must options of different names.
    """

    @wraps(command)
    def filtered(**given: Any) -> Any:
        asked = {name: given.pop(name) for name in _NAMES}
        return command(where=_filter(**asked), **given)

    for option in reversed(_OPTIONS):
        filtered = option(filtered)
    return filtered


_OPTION_OF = {
    "formats": "--format",
    "not_formats": "--not-format",
    "cameras": "--camera",
    "not_cameras": "--not-camera",
    "metadata": "--where",
}
"""Where an option is not called as the Filter's field that it fills."""

_NAMES = (
    *("under", "not_under", "after", "before", "formats", "not_formats", "cameras"),
    *("not_cameras", "near", "min_size", "has_caption", "metadata"),
)


def _filter(
    *,
    after: str | None,
    before: str | None,
    near: str | None,
    min_size: str | None,
    has_caption: bool | None,
    metadata: tuple[str, ...],
    **several: tuple[Any, ...],
) -> Filter:
    from clipsearch import filter_texts
    from clipsearch.filters import Filter

    with _told_of("--after"):
        since = filter_texts.moment(after) if after is not None else None
    with _told_of("--before"):
        until = filter_texts.moment(before) if before is not None else None
    with _told_of():
        return Filter(
            after=since,
            before=until,
            near=filter_texts.place(near) if near is not None else None,
            min_size=filter_texts.least_size(min_size) if min_size is not None else None,
            has_caption=has_caption,
            metadata=tuple(map(filter_texts.metadata_is, metadata)),
            under=several["under"] or None,
            formats=several["formats"] or None,
            cameras=several["cameras"] or None,
            not_under=several["not_under"],
            not_formats=several["not_formats"],
            not_cameras=several["not_cameras"],
        )


@contextmanager
def _told_of(option: str | None = None) -> Iterator[None]:
    """Name the option where the library names a filter's field."""
    from clipsearch.filters import BadFilter

    try:
        yield
    except BadFilter as error:
        named = option or _OPTION_OF.get(error.name) or f"--{error.name.replace('_', '-')}"
        raise click.UsageError(f"{named}: {error.detail}.") from error


def refuse_unknown_places(where: Filter, collection: CollectionReader) -> None:
    """Refuse a folder that is not there, unless it is still known."""
    named = [("--under", path) for path in where.under or ()]
    named += [("--not-under", path) for path in where.not_under]
    for option, path in named:
        if not path.exists() and not collection.knows(path):
            raise click.UsageError(
                f"{option} {quoted(path)}: there is no such folder or file, and the collection "
                f"{collection.name!r} knows none."
            )


def why_nothing(where: Filter, collection: CollectionReader) -> str | None:
    """Why a filter lets nothing through; None where it lets something."""
    counts = collection.filter_counts(where)
    if counts.passing:
        return None
    if not counts.images:
        return "the collection holds no picture"
    lacks = []
    if where.after or where.before:
        lacks.append(f"{counts.undated:,} have no date")
    if where.near:
        lacks.append(f"{counts.unplaced:,} have no place")
    if where.cameras:
        lacks.append(f"{counts.unnamed_camera:,} have no camera")
    unknown = f"; {', '.join(lacks)}" if lacks else ""
    return f"none of {counts.images:,} pictures passes the filters{unknown}"
