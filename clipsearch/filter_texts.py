"""Filters as people write them: 2024-06, 48.14,11.58,10, 1920x1080, price=8.5."""

from __future__ import annotations

import json
import re
from datetime import datetime

from clipsearch.filters import BadFilter, MetadataIs, MinSize, Near, Scalar

_DATES = ("%Y", "%Y-%m", "%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S")
_SIDES = re.compile(r"(\d{1,9})\s*[x×]\s*(\d{1,9})", re.IGNORECASE)
_MEGAPIXELS = re.compile(r"(\d+(?:\.\d+)?|\.\d+)\s*(?:mp)?", re.IGNORECASE)
_METADATA = re.compile(r"([^=]+?)(!?=)(.*)", re.DOTALL)


def moment(text: str) -> datetime:
    """The beginning of a year, a month, a day or a minute: 2024, 2024-06, 2024-06-30T12:00.

    Raises BadFilter for what is no such date.
    """
    asked = re.sub(r"(?<=\d) (?=\d)", "T", text.strip())
    for form in _DATES:
        try:
            found = datetime.strptime(asked, form)
        except ValueError:
            continue
        if re.match(r"\d{4}(\D|$)", asked):
            return found
    raise BadFilter("date", f"{text!r} is no date like 2024, 2024-06, 2024-06-30, 2024-06-30T18:00")


def place(text: str) -> Near:
    """LATITUDE,LONGITUDE,KM in degrees and kilometres. Raises BadFilter."""
    try:
        latitude, longitude, km = (float(part) for part in text.split(","))
    except ValueError:
        detail = f"{text!r} is no LATITUDE,LONGITUDE,KM like 48.14,11.58,10"
        raise BadFilter("near", detail) from None
    return Near(latitude, longitude, km)


def least_size(text: str) -> MinSize:
    """WIDTHxHEIGHT in pixels, or megapixels: 1920x1080, 2, 2.5MP. Raises BadFilter."""
    if sides := _SIDES.fullmatch(text.strip()):
        return MinSize(width=int(sides[1]), height=int(sides[2]))
    if megapixels := _MEGAPIXELS.fullmatch(text.strip()):
        return MinSize(megapixels=float(megapixels[1]))
    raise BadFilter("min_size", f"{text!r} is no size like 1920x1080 or 2.5MP")


def metadata_is(text: str) -> MetadataIs:
    """KEY=VALUE, or KEY!=VALUE. Raises BadFilter.

    A VALUE that is JSON (8.5, true, null, "a text") is that value, and a text of those
    characters is as good, for no one quotes numbers: year=2024 finds 2024 and "2024".
    """
    found = _METADATA.fullmatch(text)
    if found is None:
        raise BadFilter("metadata", f"{text!r} is no KEY=VALUE")
    return MetadataIs(found[1].strip(), _readings(found[3]), negated=found[2] == "!=")


def _readings(text: str) -> tuple[Scalar, ...]:
    try:
        value = json.loads(text, parse_constant=lambda _: text)
    except (ValueError, RecursionError):
        return (text,)
    if isinstance(value, (list, dict)):
        raise BadFilter("metadata", f"{text!r} is no single text, number, true, false or null")
    return (value,) if isinstance(value, str) else (value, text)
