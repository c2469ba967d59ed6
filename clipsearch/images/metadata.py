"""What a picture says of itself in EXIF: when, with what, where, and which way is up.

Nothing here fails: garbage is left out. XMP is looked at elsewhere (`own_words`), by a reader that
expands nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from PIL import ExifTags, Image

_TIMES = (  # DateTimeOriginal, DateTimeDigitized, DateTime; each with its offset (EXIF 2.31)
    (ExifTags.IFD.Exif, 0x9003, 0x9011),
    (ExifTags.IFD.Exif, 0x9004, 0x9012),
    (None, 0x0132, 0x9010),
)
_TIME_FORMAT = "%Y:%m:%d %H:%M:%S"
_EARLIEST_YEAR = 1826  # the first photograph


class Exif:
    """The EXIF facts of one picture, each read at its own peril."""

    def __init__(self, image: Image.Image) -> None:
        """Find the directories; a picture without EXIF, or with a broken one, says nothing."""
        for key in ("xmp", "XML:com.adobe.xmp"):
            image.info.pop(key, None)
        self._exif: Image.Exif | None = None
        with suppress(Exception):
            self._exif = image.getexif()

    @property
    def orientation(self) -> int:
        """1 to 8 as in EXIF; 1 if absent, and 0 if it is none of these."""
        value = _value(self._exif, ExifTags.Base.Orientation)
        if value is None:
            return 1
        return value if isinstance(value, int) and 1 <= value <= 8 else 0

    @property
    def taken(self) -> datetime | None:
        """When the picture was taken, with a time zone only if the picture names one."""
        offsets = self._part(ExifTags.IFD.Exif)
        for part, time_tag, offset_tag in _TIMES:
            source = self._exif if part is None else self._part(part)
            text, offset = _text(_value(source, time_tag)), _text(_value(offsets, offset_tag))
            if taken := _parsed_time(text, offset):
                return taken
        return None

    @property
    def camera(self) -> str | None:
        """Make and model, as the camera wrote them, the make once."""
        make = _text(_value(self._exif, ExifTags.Base.Make))
        model = _text(_value(self._exif, ExifTags.Base.Model))
        if model.lower().startswith(make.lower()):
            return model or None
        return f"{make} {model}".strip() or None

    @property
    def description(self) -> str:
        """What ImageDescription says, also in UTF-8, which many write; empty if absent."""
        text = _text(_value(self._exif, ExifTags.Base.ImageDescription))
        with suppress(UnicodeError):  # Pillow reads bytes as Latin-1, one a character
            return text.encode("latin-1").decode("utf-8")
        return text

    @property
    def position(self) -> tuple[float, float] | None:
        """(latitude, longitude) in degrees; None if absent, broken, or 0, 0 (no fix)."""
        gps = self._part(ExifTags.IFD.GPSInfo)
        latitude = _degrees(_value(gps, 2), _value(gps, 1), "NS", 90.0)
        longitude = _degrees(_value(gps, 4), _value(gps, 3), "EW", 180.0)
        if latitude is None or longitude is None or latitude == longitude == 0:
            return None
        return latitude, longitude

    def _part(self, tag: int) -> Mapping[int, Any]:
        with suppress(Exception):
            if self._exif is not None:
                return self._exif.get_ifd(tag)
        return {}


def _value(directory: Mapping[int, Any] | None, tag: int) -> Any:
    """One value; None if it is absent or cannot be read (Pillow reads them at their first use)."""
    with suppress(Exception):
        return None if directory is None else directory.get(tag)
    return None


def _text(value: object) -> str:
    """A text as it stands, without its NULs and the blanks around it."""
    return value.replace("\0", "").strip() if isinstance(value, str) else ""


def _parsed_time(text: str, offset: str) -> datetime | None:
    """Read "2019:07:04 12:30:00" with an offset like "+02:00" or none; None for garbage."""
    if not text:
        return None
    text = text[:19].replace("-", ":").replace("T", " ")
    for written, form in ((text + offset, f"{_TIME_FORMAT}%z"), (text, _TIME_FORMAT)):
        with suppress(ValueError):
            taken = datetime.strptime(written, form)
            return taken if taken.year >= _EARLIEST_YEAR else None
    return None


def _degrees(parts: object, hemisphere: object, signs: str, limit: float) -> float | None:
    """Degrees, minutes and seconds with a letter as signed degrees."""
    letter = _text(hemisphere).upper()
    if not isinstance(parts, Sequence) or isinstance(parts, (str, bytes)) or len(parts) != 3:
        return None
    if len(letter) != 1 or letter not in signs:
        return None
    try:
        degrees, minutes, seconds = (float(part) for part in parts)
    except (TypeError, ValueError, ArithmeticError):
        return None
    value = degrees + minutes / 60 + seconds / 3600
    if not math.isfinite(value) or not 0 <= value <= limit:
        return None
    return -value if letter == signs[1] else value
