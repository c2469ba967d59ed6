"""What a model's captions add to a search: hit@k with pictures alone, and with them beside.

    python benchmarks/generated.py DATA CAPTIONS [--cache DIR] [--fit]

DATA holds flickr8k.csv and coco.csv (filepath,title,split) with the pictures beside them;
CAPTIONS holds flickr8k.csv and coco.csv as `clipsearch caption --write FILE.csv` makes them of
their dev pictures. Queries are the first and the last three of a picture's five captions by
people; the second stands in the collection where half of the pictures have one of a person.
`--fit` shows on one half of Flickr8k dev how surprised each pair of weights is by the right
picture (mean nats of a softmax over the collection), and hit@1; the other half is measured.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import numpy as np
from fusion import (
    Pictures,
    Scores,
    embedded,
    filled,
    halves,
    picture_worth,
    situations,
    with_bounds,
)
from numpy.typing import NDArray
from sqlalchemy import Connection

from clipsearch import Caption, load_towers
from clipsearch.catalogue import transaction, words, writing
from clipsearch.catalogue.terms import terms
from clipsearch.search import evidence
from clipsearch.search.evidence import Level, caption_evidence, words_evidence
from clipsearch.settings import default_home
from clipsearch.towers import TowerPair
from clipsearch.values import Embeddings

QUERIES = (0, 2, 3, 4)
TOLD = 1
WEIGHTS = (0.0, 0.1, 0.25, 0.5)
CAPTION_WEIGHTS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 1.0)
CUTS = (1, 5, 10)


@dataclass(frozen=True)
class Said:
    """A model's caption of each picture: the texts, float32 [n, d], and its confidence [n]."""

    texts: list[str]
    embeddings: Embeddings
    confidence: NDArray[np.float64]

    def of(self, rows: NDArray[np.int64]) -> Said:
        """Some of them."""
        texts = [self.texts[row] for row in rows]
        return Said(texts, self.embeddings[rows], self.confidence[rows])


@dataclass(frozen=True)
class Asked:
    """What each signal says to each query, float32 [queries, pictures]; evidence in nats.

    `words` is by the weight that a word of a model counts.
    """

    picture: Scores
    told: Scores
    generated: Scores
    words: dict[float, Scores]

    def scores(self, caption: float | NDArray[np.float64], word: float) -> Scores:
        """The fused scores by both weights of a model's captions; of captions also one each [n]."""
        return self.picture + np.maximum(self.told, caption * self.generated) + self.words[word]


def main() -> None:
    """Fit, or measure both sets."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("data", type=Path)
    parser.add_argument("captions", type=Path)
    parser.add_argument("--cache", type=Path, help="keep embeddings in this folder")
    parser.add_argument("--fit", action="store_true")
    given = parser.parse_args()
    tower = load_towers("builtin", default_home())
    sets = {
        name: (
            embedded(given.data, f"{name}.csv", tower, given.cache),
            said(given.data, given.captions, f"{name}.csv", tower),
        )
        for name in ("flickr8k", "coco")
    }
    pictures, captions = sets["flickr8k"]
    fitted, held_out = halves(len(pictures.images))
    if given.fit:
        show_fit(pictures.of(fitted), captions.of(fitted), tower)
        return
    print("| set | captions | ranked by | hit@1 | hit@5 | hit@10 | gain in hit@10 |")
    print("|---|---|---|---|---|---|---|")
    show("Flickr8k dev, half", pictures.of(held_out), captions.of(held_out), tower)
    show("COCO dev", *sets["coco"], tower)


def said(data: Path, captions: Path, table: str, tower: TowerPair) -> Said:
    """The model's captions in the order of `fusion.embedded`."""
    with (captions / table).open(encoding="utf-8", newline="") as file:
        known = {Path(row["filepath"]).name: row for row in csv.DictReader(file)}
    with (data / table).open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "dev"]
    count: dict[str, int] = {}
    for row in rows:
        count[row["filepath"]] = count.get(row["filepath"], 0) + 1
    names = [name for name in sorted(count) if count[name] >= 5]
    rows_of = [known[Path(name).name] for name in names]
    texts = [row["title"] for row in rows_of]
    sure = np.array([float(row["confidence"] or "nan") for row in rows_of])
    return Said(texts, tower.embed_texts(texts), sure)


def asked(
    pictures: Pictures,
    captions: Said,
    told: NDArray[np.bool_],
    tower: TowerPair,
    weights: Sequence[float] = WEIGHTS,
) -> Asked:
    """Ask all queries of a collection where some pictures are told by a person, others by none."""
    queries = pictures.captions[:, QUERIES].reshape(-1, pictures.images.shape[1])
    of_people = pictures.captions[:, TOLD]
    standing = np.concatenate([captions.embeddings, of_people[told]])
    picture, own, generated = [], [], []
    for query in queries:
        level = Level.of(query, standing)
        picture.append(picture_worth(pictures.images, query, tower))
        evidence_told = caption_evidence(of_people @ query, level)
        own.append(np.where(told, evidence_told, 0))
        generated.append(caption_evidence(captions.embeddings @ query, level))
    texts = [five[at] for five in pictures.texts for at in QUERIES]
    with (
        tempfile.TemporaryDirectory() as home,
        filled(Path(home), pictures, situations(len(told))[-1], tower) as connection,
    ):
        write_captions(connection, pictures, captions, told)
        by_words = {weight: said_in_words(connection, texts, weight) for weight in weights}
    return Asked(np.array(picture), np.array(own), np.array(generated), by_words)


def write_captions(
    connection: Connection, pictures: Pictures, captions: Said, told: NDArray[np.bool_]
) -> None:
    with transaction(connection):
        for row, text in enumerate(captions.texts):
            own = [Caption(text, "generated:captioner")]
            own += [Caption(pictures.texts[row][TOLD])] if told[row] else []
            writing.add_captions(connection, row + 1, own)
    words.bring_up(connection)


def said_in_words(connection: Connection, texts: list[str], weight: float) -> Scores:
    """The evidence of words where one of a model counts so much: [queries, pictures]."""
    count = int(connection.exec_driver_sql("SELECT count(*) FROM images").scalar_one())
    found = np.zeros((len(texts), count), np.float32)
    weights = {**words.WEIGHTS, "generated": weight}
    ranked = f"bm25(words, {', '.join(map(str, weights.values()))})"
    query = f"SELECT rowid, -{ranked} FROM words WHERE words MATCH ? ORDER BY rowid"
    with patch.dict(words.WEIGHTS, weights), patch.object(words, "_MATCHING", query):
        for row, text in enumerate(texts):
            matched = words.matching(connection, terms(text), None)
            found[row, matched.ids - 1] = words_evidence(matched)
    return found


def show_fit(pictures: Pictures, captions: Said, tower: TowerPair) -> None:
    """A line for each pair of weights, for both collections."""
    heads = [f"{what}, {of} by people" for of in ("none", "half") for what in ("nats", "hit@1")]
    print(f"| weight of a caption | weight of a word | {' | '.join(heads)} |")
    print("|---|---|---|---|---|---|")
    held = [asked(pictures, captions, told, tower) for told in collections(len(pictures.images))]
    for caption in CAPTION_WEIGHTS:
        for word in WEIGHTS:
            found = [each.scores(caption, word) for each in held]
            cells = [f"{surprise(each):.4f} | {hit(ranks(each), 1).mean():.1f}" for each in found]
            print(f"| {caption} | {word} | {' | '.join(cells)} |", flush=True)


def collections(count: int) -> list[NDArray[np.bool_]]:
    """Whom a person told of: nothing, and a half by chance."""
    half = np.zeros(count, bool)
    half[np.random.default_rng(0).permutation(count)[: count // 2]] = True
    return [np.zeros(count, bool), half]


def surprise(scores: Scores) -> float:
    """The mean negative log likelihood of the right pictures."""
    right = np.arange(len(scores)) // len(QUERIES)
    own = scores[np.arange(len(scores)), right]
    return float((np.logaddexp.reduce(scores, axis=1) - own).mean())


def show(name: str, pictures: Pictures, captions: Said, tower: TowerPair) -> None:
    """A line for each way of ranking, for both collections."""
    situations_named = ("none by people", "half by people, one each")
    used = evidence.GENERATED, words.WEIGHTS["generated"]
    for title, told in zip(situations_named, collections(len(captions.texts)), strict=True):
        held = asked(pictures, captions, told, tower, (0.0, used[1]))
        alone = held.picture if not told.any() else held.scores(0.0, 0.0)
        before = ranks(alone)
        shown = {"without a model's": alone, "with them": held.scores(*used)}
        for way, scores in shown.items():
            own = ranks(scores)
            drawn = np.random.default_rng(1).integers(0, len(own), (2000, len(own)))
            hits = [with_bounds(hit(own, cut), drawn) for cut in CUTS]
            hits.append(with_bounds(hit(own, 10) - hit(before, 10), drawn))
            cells = ["{} ({} to {})".format(*each) for each in hits]
            print(f"| {name} | {title} | {way} | {' | '.join(cells)} |", flush=True)


def ranks(scores: Scores) -> Scores:
    """The rank of each query's picture, pessimistic among equals: [pictures, queries]."""
    right = np.arange(len(scores)) // len(QUERIES)
    own = scores[np.arange(len(scores)), right][:, np.newaxis]
    return np.asarray((scores >= own).sum(axis=1).reshape(-1, len(QUERIES)), np.float64)


def hit(own: Scores, cut: int) -> Scores:
    """hit@k in percent of each picture, over its queries: so intervals are over pictures."""
    return np.asarray(100.0 * (own <= cut).mean(axis=1))


if __name__ == "__main__":
    main()
