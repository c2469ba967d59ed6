"""Class names: read from a file, found in captions, and put into prompt templates."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from clipsearch.captions import CaptionedPicture
from clipsearch.evaluation_errors import BadTemplates

TEMPLATES = ("a photo of {a}",)
_PHOTO_OF = re.compile(r"^an? (?:photo|picture|image) of (?:an? |the )?(.+?)\s*\.?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Classes:
    """Class names in order; classes of one name are one in the eyes of the measure."""

    names: tuple[str, ...]

    def sentences(self, template: str) -> list[str]:
        """Every class in a template: `{}` is its bare name, `{a}` the name with its article."""
        return [
            template.replace("{a}", with_article(name)).replace("{}", name) for name in self.names
        ]


def read_classes(path: Path) -> Classes:
    """Read a file of classes, one a line; of `tench, Tinca tinca` the first name counts."""
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as lines:
        rows = [row for row in csv.reader(lines, skipinitialspace=True) if row and row[0]]
    return Classes(tuple(row[0] for row in rows if row[0] != "background"))


def read_templates(path: Path) -> tuple[str, ...]:
    """Read prompt templates, one a line. Raises BadTemplates."""
    lines = path.read_text("utf-8-sig", "replace").splitlines()
    templates = tuple(line.strip() for line in lines if line.strip())
    for template in templates or ("",):
        if "{}" not in template and "{a}" not in template:
            raise BadTemplates(template)
    return templates


def label_of(picture: CaptionedPicture, *, by_folder: bool) -> str:
    """A picture's class: its folder, or its first caption without "a photo of a"."""
    if by_folder:
        return PurePosixPath(picture.name).parent.name.replace("_", " ")
    found = _PHOTO_OF.match(picture.captions[0])
    return (found[1] if found else picture.captions[0]).casefold()


def classes_of(labels: Sequence[str]) -> Classes:
    """The classes that labels name, in the order of the alphabet."""
    return Classes(tuple(sorted(set(labels))))


def with_article(name: str) -> str:
    """Give "a dog", "an ostrich"."""
    return f"{'an' if name[:1].lower() in tuple('aeiou') else 'a'} {name}"
