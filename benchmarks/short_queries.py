"""How short words are best asked for: alone, in a sentence, or as the mean of several sentences.

    python benchmarks/short_queries.py --data DIR --cache DIR [--tower MODEL] [--choose]

DIR holds flickr8k.csv, coco.csv, grocery.csv, houses.csv, clothing.csv, weather.csv,
intel_scenes.csv and imagenet_sample.csv (columns filepath, title, split) and the pictures. A
picture shows a noun where at least two of its captions say so; those of which one does are not
judged. Half of all nouns and words, half of Flickr8k's dev pictures, and the sets of scenes and
clothes are there to choose by (`--choose`); the others report.
"""

from __future__ import annotations

import argparse
import csv
import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from presence import Table, embedded, embedded_texts, read_nouns, read_table

from clipsearch.search.phrasing import is_bare, with_article
from clipsearch.towers import TowerPair, load_towers
from clipsearch.values import Embeddings

WRITERS = 2
"""So many writers used a word of a picture that shows it."""
FEWEST = 3
"""A pair of words is asked for where so many pictures show it."""
TITLES = {"grocery", "houses", "clothing", "weather", "intel_scenes", "imagenet_sample"}
CHOOSE_BY = ("flickr8k", "intel_scenes", "clothing")
REPORT_ON = ("flickr8k", "coco", "imagenet_sample", "grocery", "houses", "weather")
TRIED = ("bare", "a X", "a photo of a X", "a + a photo of + there is")
"""What is reported of; the last is what a search does."""


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """Queries of one kind on one set: texts, and what each picture is to each of them.

    `shows` is [queries, pictures]: 1 for a right picture, 0 for a wrong one, -1 for one that is
    not judged.
    """

    label: str
    table: Table
    rows: NDArray[np.int64]
    texts: tuple[str, ...]
    shows: NDArray[np.int8]


FORMS: dict[str, tuple[Callable[[str], str], ...]] = {
    "bare": (str,),
    "a X": (with_article,),
    "a photo of a X": (lambda text: f"a photo of {with_article(text)}",),
    "a photo of X": (lambda text: f"a photo of {text}",),
    "there is a X": (lambda text: f"there is {with_article(text)}",),
    "bare + a": (str, with_article),
    "bare + a photo of": (str, lambda text: f"a photo of {with_article(text)}"),
    "a + a photo of": (with_article, lambda text: f"a photo of {with_article(text)}"),
    "bare + a + a photo of": (str, with_article, lambda text: f"a photo of {with_article(text)}"),
    "bare + a + a photo of + a close-up of": (
        str,
        with_article,
        lambda text: f"a photo of {with_article(text)}",
        lambda text: f"a close-up of {with_article(text)}",
    ),
    "a + a photo of + there is": (
        with_article,
        lambda text: f"a photo of {with_article(text)}",
        lambda text: f"there is {with_article(text)} in the picture",
    ),
    "bare + a + a photo of + there is": (
        str,
        with_article,
        lambda text: f"a photo of {with_article(text)}",
        lambda text: f"there is {with_article(text)} in the picture",
    ),
    "seven": (
        str,
        with_article,
        lambda text: f"a photo of {with_article(text)}",
        lambda text: f"a picture of {text}",
        lambda text: f"there is {with_article(text)} in the picture",
        lambda text: f"a close-up of {with_article(text)}",
        lambda text: f"{text} in the background",
    ),
}
"""The ways to ask; of several sentences the mean of the embeddings is taken."""


def main() -> None:
    """Print a table for each tower."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--tower", action="append", default=[])
    parser.add_argument("--choose", action="store_true", help="on what is there to choose by")
    given = parser.parse_args()
    asked = list(questions(given.data, choose=given.choose))
    for name in given.tower or ["builtin"]:
        show(load_towers(name, given.cache), asked, given, FORMS if given.choose else TRIED)


def questions(data: Path, *, choose: bool) -> Iterator[Asked]:
    """All queries of the half that is asked for."""
    for name in CHOOSE_BY if choose else REPORT_ON:
        if name in TITLES:
            yield titled(data, name, choose=choose)
        else:
            yield from captioned(data, name, choose=choose)


def of_half(text: str, *, choose: bool) -> bool:
    """Whether a text is in the half to choose by, or in the other."""
    return bool(zlib.crc32(text.encode()) % 2) != choose


def titled(data: Path, name: str, *, choose: bool) -> Asked:
    """The class names of a set; all of its pictures are searched through."""
    table = read_table(data, name, [], 10_000)
    titles = _titles(data, name)
    classes = [_class_name(titles[path][0]) for path in table.files]
    texts = sorted({each for each in classes if len(each.split()) <= 3})
    if name == "imagenet_sample":
        own = np.array(classes)[table.split == "dev"]
        texts = [text for text in texts if text in set(own.tolist())]
    shows = np.array([[int(each == text) for each in classes] for text in texts], np.int8)
    label = f"{name}, {len(classes)} pictures: class names"
    return Asked(label, table, np.arange(len(classes)), tuple(texts), shows)


def _class_name(title: str) -> str:
    title = title.removeprefix("a photo of ").removesuffix(" in a grocery store")
    return re.sub(r"^(a|an|the) ", "", title)


def _titles(data: Path, name: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    with (data / f"{name}.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            found[row["filepath"]].append(row["title"])
    return found


def captioned(data: Path, name: str, *, choose: bool) -> Iterator[Asked]:
    """Nouns, several of a kind, and pairs and triples of words that captions have."""
    nouns = read_nouns()
    table = read_table(data, name, nouns, 10_000)
    rows = np.flatnonzero(table.split == "dev")
    if name == "flickr8k":
        rows = rows[::2] if choose else rows[1::2]
    places = [at for at, noun in enumerate(nouns) if of_half(noun.name, choose=choose)]
    counts = table.mentions[rows][:, places].T
    label = f"{name}, {len(rows)} pictures"
    yield judged(f"{label}: nouns", table, rows, [nouns[at].name for at in places], counts)
    heads = {word for noun in nouns for word in (noun.name, f"{noun.name}s", *noun.words)}
    titles = _titles(data, name)
    said = [[_words(text) for text in titles[table.files[row]]] for row in rows]
    for what, length in (("plurals", 1), ("doings", 1), ("two words", 2), ("three words", 3)):
        texts, found = mined(said, {} if what == "doings" else heads, length)
        kept = [at for at, text in enumerate(texts) if of_half(text, choose=choose)]
        if kept:
            own = [texts[at] for at in kept]
            yield judged(f"{label}: {what}", table, rows, own, found[kept])


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z'-]+", text.lower())


def mined(
    said: Sequence[Sequence[list[str]]], heads: Collection[str], length: int
) -> tuple[list[str], NDArray[np.int8]]:
    """Runs of words that end with a noun (one word: a plural, or a doing), and who says so."""
    counted: list[Counter[str]] = []
    for texts in said:
        own: Counter[str] = Counter()
        for words in texts:
            runs = (words[at : at + length] for at in range(len(words) - length + 1))
            own.update({" ".join(run) for run in runs if _asked_so(run, heads, length)})
        counted.append(own)
    held = Counter(text for own in counted for text, count in own.items() if count >= WRITERS)
    texts = sorted(text for text, count in held.items() if count >= FEWEST)
    return texts, np.array([[own[text] for own in counted] for text in texts], np.int8)


def _asked_so(run: Sequence[str], heads: Collection[str], length: int) -> bool:
    if not is_bare(" ".join(run)):
        return False
    if not heads:
        return run[-1].endswith("ing")
    return run[-1] in heads and (length > 1 or with_article(run[-1]) == run[-1])


def judged(
    label: str,
    table: Table,
    rows: NDArray[np.int64],
    texts: Sequence[str],
    counts: NDArray[np.int8],
) -> Asked:
    """The texts that some picture shows, with what each picture is to them."""
    shows = np.where(counts >= WRITERS, 1, np.where(counts > 0, -1, 0)).astype(np.int8)
    there = np.flatnonzero((shows == 1).any(axis=1))
    own = tuple(texts[at] for at in there)
    return Asked(f"{label}, {len(own)} {label.split(': ')[1]}", table, rows, own, shows[there])


def show(
    tower: TowerPair, asked: Sequence[Asked], given: argparse.Namespace, forms: Iterable[str]
) -> None:
    """Print every form's figures, a table for each kind of query."""
    print(f"## {tower.identity.name}\n")
    for each in asked:
        pictures = embedded(given.data, given.cache, each.table, tower)[each.rows]
        print(f"{each.label}, {len(each.texts)} queries\n")
        print("| asked as | mAP | precision@10 | hit@10 | gain in mAP |\n|---|---|---|---|---|")
        base: NDArray[np.float64] | None = None
        for form in forms:
            queries = in_form(each.texts, form, tower, given.cache)
            found = figures(queries @ pictures.T, each.shows)
            base = found if base is None else base
            gain = found[:, 0] - base[:, 0]
            drawn = np.random.default_rng(1).integers(0, len(gain), (2000, len(gain)))
            low, high = np.percentile(gain[drawn].mean(axis=1), [2.5, 97.5])
            cells = " | ".join(f"{value:.1f}" for value in found.mean(axis=0))
            print(f"| {form} | {cells} | {gain.mean():+.1f} ({low:.1f} to {high:.1f}) |")
        print(flush=True)


def in_form(texts: Sequence[str], form: str, tower: TowerPair, cache: Path) -> Embeddings:
    """The texts' embeddings [n, dim], asked in one of the forms."""
    ways = [[way(text) for text in texts] for way in FORMS[form]]
    held = embedded_texts(cache, [text for way in ways for text in way], tower)
    mean = held.reshape(len(ways), len(texts), -1).mean(axis=0)
    return np.asarray(mean / np.linalg.norm(mean, axis=1, keepdims=True), np.float32)


def figures(scores: Embeddings, shows: NDArray[np.int8]) -> NDArray[np.float64]:
    """Average precision, precision at 10 and hit@10 of each query in percent: [queries, 3]."""
    found = np.empty((len(scores), 3))
    for row, (own, truth) in enumerate(zip(scores, shows, strict=True)):
        among = np.flatnonzero(truth >= 0)
        right = truth[among][np.argsort(-own[among], kind="stable")] == 1
        ranks = np.flatnonzero(right) + 1
        precise = (np.arange(len(ranks)) + 1) / ranks
        found[row] = precise.mean(), right[:10].sum() / min(10, len(ranks)), right[:10].any()
    return 100.0 * found


if __name__ == "__main__":
    main()
