"""Which everyday nouns are in a folder of captioned pictures, and which are not."""

from __future__ import annotations

import csv
import re
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clipsearch.images import decode_picture
from clipsearch.towers import TowerPair
from clipsearch.values import Embeddings

NOUNS = Path(__file__).with_name("calibration_nouns.txt")
TITLED = {"grocery", "houses", "imagenet_sample"}
"""Tables with one title a picture, "a photo of a great white shark": only its last words count."""
AGREED = 3
"""A noun is in a folder when so many captions of one picture have it."""


@dataclass(frozen=True, slots=True)
class Noun:
    """A noun, what else means it, and whether it is left unsaid often, or hardly ever."""

    name: str
    words: tuple[str, ...]
    unsaid: bool
    distinct: bool

    @property
    def query(self) -> str:
        """As a user asks for it."""
        plural = self.name.endswith("s") and not self.name.endswith("ss")
        return self.name if plural else f"{'an' if self.name[0] in 'aeiou' else 'a'} {self.name}"

    @property
    def for_report(self) -> bool:
        """Half the nouns fit the constants, the others report."""
        return bool(zlib.crc32(self.name.encode()) % 2)


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A table's pictures, their split, and how many captions of each have each noun: [n, nouns]."""

    name: str
    files: Sequence[str]
    split: NDArray[np.str_]
    mentions: NDArray[np.int8]


@dataclass(frozen=True, slots=True, eq=False)
class Folder:
    """A collection in the making: rows of a table, and nouns (places in the list) in it or not."""

    label: str
    table: Table
    rows: NDArray[np.int64]
    present: tuple[int, ...]
    absent: tuple[int, ...]


def read_nouns() -> list[Noun]:
    """The nouns of the list, in its order."""
    nouns = []
    for line in NOUNS.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            name, words, flags = (part.strip() for part in line.split("|"))
            more = tuple(word.strip() for word in words.split(",") if word.strip())
            nouns.append(Noun(name, more, "u" in flags, "d" in flags))
    return nouns


def read_table(data: Path, name: str, nouns: Sequence[Noun], most: int) -> Table:
    """Read NAME.csv (filepath, title, split) and count the nouns in the captions.

    The pictures come in an order drawn once, dev first; no more than `most`.
    """
    captions: dict[str, list[str]] = defaultdict(list)
    split = {}
    with (data / f"{name}.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            captions[row["filepath"]].append(row["title"])
            split[row["filepath"]] = row["split"]
    named = list(captions)
    mixed = [named[place] for place in np.random.default_rng(1).permutation(len(named))]
    files = sorted(mixed, key=lambda path: split[path] != "dev")[:most]
    titled, meant = name in TITLED, meanings(nouns)
    mentions = np.zeros((len(files), len(nouns)), np.int8)
    for row, path in enumerate(files):
        for text in captions[path]:
            mentions[row, list(nouns_in(text, meant, titled=titled))] += 1
    if titled:
        mentions *= AGREED
    return Table(name, files, np.array([split[path] for path in files]), mentions)


def meanings(nouns: Sequence[Noun]) -> dict[str, set[int]]:
    """The places of the nouns that a word, or several in a row, means."""
    meant: dict[str, set[int]] = defaultdict(set)
    for place, noun in enumerate(nouns):
        for word in (noun.name, *noun.words):
            for ending in ("", "s", "es", "'s"):
                meant[word.lower() + ending].add(place)
    return meant


def nouns_in(text: str, meant: Mapping[str, set[int]], *, titled: bool) -> set[int]:
    """The places of the nouns that a caption has; those that a title ends with."""
    if titled and "package" in text:
        return set()
    words = re.findall(r"[a-z'-]+", text.lower().removesuffix(" in a grocery store"))
    found: set[int] = set()
    for length in (1, 2, 3):
        runs = range(len(words) - length + 1)
        for start in runs if not titled else runs[-1:]:
            found |= meant.get(" ".join(words[start : start + length]), set())
    return found


def folder_of(
    table: Table, rows: NDArray[np.int64], nouns: Sequence[Noun], asked: Callable[[Noun], bool]
) -> Folder:
    """The folder of those rows, with the nouns that are asked for."""
    most = table.mentions[rows].max(axis=0)
    titled = table.name in TITLED
    places = [place for place, noun in enumerate(nouns) if asked(noun)]
    present = [place for place in places if most[place] >= AGREED]
    absent = [
        place
        for place in places
        if not most[place] and (nouns[place].distinct if titled else not nouns[place].unsaid)
    ]
    label = f"{table.name}, {len(rows)}"
    return Folder(label, table, rows, tuple(present), tuple(absent))


def sampled(
    rows: NDArray[np.int64], sizes: Sequence[int], times: int = 3
) -> Iterator[NDArray[np.int64]]:
    """Samples of those sizes; a size that takes in more than half of all comes once."""
    for size in sizes:
        for seed in range(times if 2 * size <= len(rows) else 1):
            yield np.random.default_rng([size, seed]).permutation(rows)[:size]


def embedded(data: Path, cache: Path, table: Table, tower: TowerPair) -> Embeddings:
    """The embeddings of a table's pictures [n, dim]; embedded once, kept in the cache."""
    target = cache / tower.identity.digest[:12] / f"{table.name}.npz"
    known: dict[str, Embeddings] = {}
    if target.exists():
        with np.load(target) as held:
            known = dict(zip(held["names"].tolist(), held["rows"], strict=True))
    missing = [path for path in table.files if path not in known]
    for start in range(0, len(missing), 256):
        part = missing[start : start + 256]
        pixels = [decode_picture(data / path, tower.preprocessing).pixels for path in part]
        known |= dict(zip(part, tower.embed_images(np.stack(pixels)), strict=True))
        target.parent.mkdir(parents=True, exist_ok=True)
        np.savez(target, names=np.array(list(known)), rows=np.stack(list(known.values())))
    return np.stack([known[path] for path in table.files])


def embedded_texts(cache: Path, texts: Sequence[str], tower: TowerPair) -> Embeddings:
    """The embeddings of texts [n, dim]; embedded once, kept in the cache."""
    target = cache / tower.identity.digest[:12] / "texts.npz"
    known: dict[str, Embeddings] = {}
    if target.exists():
        with np.load(target) as held:
            known = dict(zip(held["names"].tolist(), held["rows"], strict=True))
    if missing := [text for text in texts if text not in known]:
        known |= dict(zip(missing, tower.embed_texts(missing), strict=True))
        target.parent.mkdir(parents=True, exist_ok=True)
        np.savez(target, names=np.array(list(known)), rows=np.stack(list(known.values())))
    return np.stack([known[text] for text in texts])
