"""The 1,000 ImageNet classes by their names, and the sentences that name them."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

TEMPLATES = ("a photo of {}", "{}", "a close-up of {} in a picture")


@dataclass(frozen=True)
class ClassNames:
    """For each class its names, the most usual first: ("tench", "Tinca tinca")."""

    names: tuple[tuple[str, ...], ...]

    def sentences(self, template: str) -> list[str]:
        """Put every name of every class into the template, with its article."""
        article = template != "{}"
        return [
            template.format(with_article(name) if article else name)
            for names in self.names
            for name in names
        ]

    def first_sentences(self) -> list[str]:
        """Give "a photo of a NAME" for the first name of each class: what dev is measured with."""
        return [TEMPLATES[0].format(with_article(names[0])) for names in self.names]

    def owners(self) -> NDArray[np.int64]:
        """Give the class of each sentence."""
        counts = [len(names) for names in self.names]
        return np.repeat(np.arange(len(counts), dtype=np.int64), counts)

    def right(self, images: Sequence[str]) -> NDArray[np.bool_]:
        """Tell which classes are right for photos called `n01440764_tench.webp`: [n, classes].

        Two classes of one first name (the crane that flies and the one that lifts) are both
        right. Raises ValueError for a photo of no known class.
        """
        first = np.array([names[0].replace(" ", "_") for names in self.names])
        wanted = np.array([Path(image).stem.split("_", 1)[1] for image in images])
        right: NDArray[np.bool_] = wanted[:, None] == first[None, :]
        if not right.any(axis=1).all():
            raise ValueError(f"no class is called {wanted[~right.any(axis=1)][0]}")
        return right


def read_class_names(labels: Path) -> ClassNames:
    """Read a label file of 1,001 lines, `name, synonym, ...`, and leave out the background."""
    with labels.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.reader(lines, skipinitialspace=True))
    return ClassNames(tuple(tuple(row) for row in rows[1:]))


def with_article(name: str) -> str:
    """Give "a dog", "an ostrich"."""
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"
