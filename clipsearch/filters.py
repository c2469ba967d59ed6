"""Which images may be found: by their place, their date, their camera and what is known of them.

A filter is a value; `clipsearch.catalogue.filtering` answers it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from clipsearch.errors import QueryError

EARTH_KM = 6371.0088
"""The Earth's mean radius (IUGG); on a sphere distances are right to 0.6 %."""

FORMATS = (
    *("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "JPEG2000", "HEIF", "AVIF"),
    "PIXELS",  # a picture that a program gave as pixels
)
_SHORT_FORMATS = {
    **dict.fromkeys(("JPG", "JPE", "JFIF"), "JPEG"),
    **dict.fromkeys(("JP2", "J2K"), "JPEG2000"),
    **{"TIF": "TIFF", "HEIC": "HEIF", "DIB": "BMP"},
}

Scalar = str | int | float | bool | None
"""A JSON value that is no list and no object."""


class BadFilter(QueryError):
    """No image could ever pass the filter, or it says nothing."""

    def __init__(self, name: str, detail: str) -> None:
        self.name, self.detail = name, detail
        super().__init__(f"the filter `{name}` does not work: {detail}.")


@dataclass(frozen=True, slots=True)
class Near:
    """Not further than `km` from a place given in degrees (WGS 84), as the crow flies.

    Raises BadFilter for a place that is none on Earth and for a `km` that is not above 0.
    """

    latitude: float
    longitude: float
    km: float

    def __post_init__(self) -> None:
        if not -90 <= self.latitude <= 90:
            raise BadFilter("near", f"latitude {self.latitude:g} is not between -90 and 90")
        if not -180 <= self.longitude <= 180:
            raise BadFilter("near", f"longitude {self.longitude:g} is not between -180 and 180")
        if not (math.isfinite(self.km) and self.km > 0):
            raise BadFilter("near", f"{self.km:g} km is no distance above 0")

    @property
    def latitudes(self) -> tuple[float, float]:
        """The least and the greatest latitude that can be so near."""
        reach = math.degrees(self.km / EARTH_KM) + 1e-9
        return self.latitude - reach, self.latitude + reach

    def distances_km(self, latitudes: ArrayLike, longitudes: ArrayLike) -> NDArray[np.float64]:
        """How far places in degrees are from this one, float64 (haversine formula)."""
        here, there = np.radians(self.latitude), np.radians(latitudes)
        turn = np.radians(np.asarray(longitudes) - self.longitude)
        half = np.sin((there - here) / 2) ** 2
        half = half + np.cos(here) * np.cos(there) * np.sin(turn / 2) ** 2
        return np.asarray(2 * EARTH_KM * np.arcsin(np.sqrt(np.minimum(half, 1.0))))


@dataclass(frozen=True, slots=True)
class MinSize:
    """At least so large, in pixels as the picture is shown; 0 asks for nothing."""

    width: int = 0
    height: int = 0
    megapixels: float = 0.0

    def __post_init__(self) -> None:
        numbers = (self.width, self.height, self.megapixels)
        if not all(math.isfinite(number) and number >= 0 for number in numbers):
            raise BadFilter("min_size", "a size is not below 0")
        if not any(numbers):
            raise BadFilter("min_size", "it asks for nothing; give a size above 0")


@dataclass(frozen=True, slots=True)
class MetadataIs:
    """What a program gave under `key` is one of `values`, or a list that holds one of them.

    Dots in a key lead into objects (`shop.price`), unless a key with those dots stands there.
    With `negated` it is none of them, or there is no such key.
    """

    key: str
    values: Sequence[Scalar]
    negated: bool = False

    def __post_init__(self) -> None:
        if not self.key or any(char in '"\\' or not char.isprintable() for char in self.key):
            raise BadFilter("metadata", f"{self.key!r} is no key that can be looked up")
        if not self.values:
            raise BadFilter("metadata", f"there is no value for {self.key!r}")


@dataclass(frozen=True, slots=True)
class Filter:
    """Restricts what is found, exactly: never fewer hits than exist among what is allowed.

    An image must satisfy each field that is given, and one item of a field that lists several.
    `after` and `before` are of the date taken, as the camera's clock showed it: from `after`
    on, and earlier than `before`. An image of which a date, camera or place is not known never
    satisfies a condition on it. Of those that begin with `not_` it must satisfy none, so what
    is not known passes. `cameras` are parts of a name, in any case; `has_caption` counts no
    keywords. Raises BadFilter where no image could pass.
    """

    ids: Sequence[int] | None = None
    under: Sequence[Path] | None = None
    not_under: Sequence[Path] = ()
    after: date | None = None
    before: date | None = None
    formats: Sequence[str] | None = None
    not_formats: Sequence[str] = ()
    cameras: Sequence[str] | None = None
    not_cameras: Sequence[str] = ()
    near: Near | None = None
    min_size: MinSize | None = None
    has_caption: bool | None = None
    metadata: Sequence[MetadataIs] = ()

    def __post_init__(self) -> None:
        after, before = _clock(self.after), _clock(self.before)
        if after and before and after >= before:
            detail = f"it begins {self.after}, which is not earlier than its end {self.before}"
            raise BadFilter("after", detail)
        for field in ("formats", "not_formats"):
            for given in getattr(self, field) or ():
                format_named(given, field)
        for field in ("cameras", "not_cameras"):
            if not all(camera.strip() for camera in getattr(self, field) or ()):
                raise BadFilter(field, "a camera's name is empty")

    @property
    def asks_nothing(self) -> bool:
        """Whether every field was left as it is: all images pass."""
        return all(getattr(self, each.name) is each.default for each in fields(self))


def format_named(name: str, field: str = "formats") -> str:
    """A format by any usual spelling: jpg is JPEG, heic is HEIF. Raises BadFilter of `field`."""
    upper = name.strip().removeprefix(".").upper()
    upper = _SHORT_FORMATS.get(upper, upper)
    if upper not in FORMATS:
        known = ", ".join(each.lower() for each in FORMATS)
        raise BadFilter(field, f"there is no format {name!r}; there are {known}")
    return upper


def _clock(day: date | None) -> datetime | None:
    if day is None:
        return None
    if not isinstance(day, datetime):
        return datetime(day.year, day.month, day.day)
    if day.tzinfo is not None:
        raise ValueError("a date taken is compared as the camera's clock showed it: give no zone")
    return day


EVERYTHING = Filter()
