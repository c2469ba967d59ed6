"""How much captions and words add to pictures: hit@k and nDCG@10 of each signal and of all fused.

    python benchmarks/fusion.py DATA [--cache DIR] [--json]

DATA holds flickr8k.csv and coco.csv (filepath,title,split) with the pictures beside them. The
query is the first caption of a picture, indexed are the others' captions: so no text is asked
for that was indexed. The dev pictures of Flickr8k are halved: the constants of
clipsearch/search/evidence.py were fitted on one half (fusion_fit.py), the other is measured here.
Words are asked of a real catalogue, cosines of all pictures are taken at once, and evidence is
added up by the program's own functions.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from clipsearch import Caption, load_towers
from clipsearch.catalogue import Catalogue, transaction, writing
from clipsearch.catalogue.caption_rows import put_embeddings, unembedded
from clipsearch.catalogue.samples import caption_sample
from clipsearch.catalogue.terms import terms
from clipsearch.catalogue.words import MatchedWords, bring_up, matching
from clipsearch.images import decode_picture
from clipsearch.search.evidence import (
    Level,
    caption_evidence,
    words_evidence,
)
from clipsearch.search.hubs import PictureScores, RememberedHubs
from clipsearch.settings import default_home
from clipsearch.towers import TowerPair
from clipsearch.values import Embeddings, FoundFile, ImageInfo

WAYS = ("pictures", "captions", "words", "rrf", "fused")
CUTS = (1, 5, 10)
RRF = 60.0
"""The constant of Cormack, Clarke and Büttcher 2009."""
Ranks = NDArray[np.float64]
Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Pictures:
    """Pictures with five captions each: float32 [n, d], [n, 5, d], and the texts."""

    images: Embeddings
    captions: Embeddings
    texts: list[list[str]]

    def of(self, rows: NDArray[np.int64]) -> Pictures:
        """Some of them."""
        return Pictures(self.images[rows], self.captions[rows], [self.texts[row] for row in rows])


@dataclass(frozen=True)
class Situation:
    """Whose captions stand with which picture (-1: none), and how many of them."""

    name: str
    owner: NDArray[np.int64]
    count: int


def situations(count: int) -> list[Situation]:
    """What happens to captions in people's collections."""
    random = np.random.default_rng(0)
    own = np.arange(count)
    bare, swapped = own.copy(), own.copy()
    bare[random.permutation(count)[: count // 2]] = -1
    some = random.permutation(count)[: count // 5]
    swapped[some] = np.roll(some, 1)
    return [
        Situation("4 captions each", own, 4),
        Situation("1 caption each", own, 1),
        Situation("half without (4 else)", bare, 4),
        Situation("half without (1 else)", bare, 1),
        Situation("a fifth swapped (4)", swapped, 4),
        Situation("a fifth swapped (1)", swapped, 1),
        Situation("none", np.full(count, -1), 0),
    ]


def halves(count: int) -> list[NDArray[np.int64]]:
    """The pictures that the constants were fitted on, and the others."""
    return np.split(np.random.default_rng(7).permutation(count), [count // 2])


def main() -> None:
    """Measure every situation and print the table."""
    arguments = parsed()
    tower = load_towers("builtin", default_home())
    flickr = embedded(arguments.data, "flickr8k.csv", tower, arguments.cache)
    held_out = halves(len(flickr.images))[1]
    sets = {"Flickr8k dev, half": flickr.of(held_out)}
    sets["COCO dev"] = embedded(arguments.data, "coco.csv", tower, arguments.cache)
    rows = [
        {"set": name, "situation": situation.name, **each}
        for name, pictures in sets.items()
        for situation in situations(len(pictures.images))
        for each in measured(pictures, situation, tower)
    ]
    print(json.dumps(rows, indent=1) if arguments.json else table(rows))


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("data", type=Path)
    parser.add_argument("--cache", type=Path, help="keep embeddings in this folder")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def embedded(data: Path, table: str, tower: TowerPair, cache: Path | None) -> Pictures:
    """The dev pictures of a table, embedded; from the cache if they are in it."""
    texts: dict[str, list[str]] = {}
    with (data / table).open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["split"] == "dev":
                texts.setdefault(row["filepath"], []).append(row["title"])
    names = [name for name in sorted(texts) if len(texts[name]) >= 5]
    own = [texts[name][:5] for name in names]
    kept = cache and cache / f"{table}.{tower.identity.digest[:12]}.npz"
    if kept and kept.exists():
        held = np.load(kept)
        return Pictures(held["images"], held["captions"], own)
    images = np.concatenate([one_embedded(data / name, tower) for name in names])
    captions = np.stack([tower.embed_texts(five) for five in own])
    if kept:
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.savez(kept, images=images, captions=captions)
    return Pictures(images, captions, own)


def one_embedded(path: Path, tower: TowerPair) -> Embeddings:
    return tower.embed_images(decode_picture(path, tower.preprocessing).pixels[np.newaxis])


def measured(pictures: Pictures, situation: Situation, tower: TowerPair) -> list[dict[str, object]]:
    """Every way's figures in a situation."""
    found: dict[str, list[float]] = {way: [] for way in WAYS}
    with (
        tempfile.TemporaryDirectory() as home,
        filled(Path(home), pictures, situation, tower) as connection,
    ):
        sample = caption_sample(connection, tower.identity.dim)
        owner, held = standing(pictures, situation)
        for row, query in enumerate(pictures.captions[:, 0]):
            cosines = pictures.images @ query
            own = best_captions(query, owner, held, len(cosines))
            matched = matching(connection, terms(pictures.texts[row][0]), None)
            said = MatchedWords(matched.ids - 1, matched.bm25, matched.whole)
            pictured = picture_worth(pictures.images, query, tower)
            worth = Worth(pictured, own, said, Level.of(query, sample))
            for way, scores in scored(cosines, worth).items():
                found[way].append(rank_of(scores, row))
    print(f"{situation.name}: measured", file=sys.stderr)
    against = np.array(found["pictures"])
    return [{"way": way, **figures(np.array(ranks), against)} for way, ranks in found.items()]


@dataclass(frozen=True)
class Worth:
    """What is said of all pictures: their own evidence, their nearest caption's cosine [n] (NaN
    without one) and the query's level in captions, and which words matched."""

    pictures: Scores
    captions: Scores
    matched: MatchedWords
    level: Level


def picture_worth(images: Embeddings, query: Embeddings, tower: TowerPair) -> Scores:
    """The evidence of pictures [n, d] as `query` reckons it, their hubness taken off."""
    hubs = hubs_of(tower.identity.digest).of(images)
    scores = PictureScores.of(query, images, hubs)
    return np.asarray(scores.evidence(np.vecdot(images, query), hubs and hubs.values))


hubs_of = cache(RememberedHubs)


def scored(cosines: Scores, worth: Worth) -> dict[str, Scores]:
    """The scores [n] of all pictures in every way; NaN for what a way does not find."""
    matched, captions = worth.matched, worth.captions
    bm25, words = np.full(len(cosines), np.nan), np.zeros(len(cosines))
    bm25[matched.ids], words[matched.ids] = matched.bm25, words_evidence(matched)
    has = ~np.isnan(captions)
    captioned = np.zeros(len(cosines))
    captioned[has] = caption_evidence(captions[has], worth.level)
    ways = {"pictures": cosines, "captions": captions, "words": bm25}
    return {
        **ways,
        "rrf": np.asarray(sum(map(reciprocal, ways.values()))),
        "fused": worth.pictures + captioned + words,
    }


def reciprocal(scores: Scores) -> Scores:
    """What each picture's rank is worth in reciprocal rank fusion; 0 for what is not found."""
    order = np.argsort(-scores, kind="stable")
    worth = np.zeros(len(scores))
    worth[order] = 1 / (RRF + np.arange(1, len(scores) + 1))
    return np.where(np.isnan(scores), 0.0, worth)


def rank_of(scores: Scores, row: int) -> float:
    """The rank of the right picture, pessimistic among equals; infinity if it is not found."""
    return np.inf if np.isnan(scores[row]) else float((scores >= scores[row]).sum())


def standing(pictures: Pictures, situation: Situation) -> tuple[NDArray[np.int64], Embeddings]:
    """The captions that stand: whose picture [m] and what embedding [m, d]."""
    rows = np.flatnonzero(situation.owner >= 0)
    held = pictures.captions[situation.owner[rows], 1 : 1 + situation.count]
    return np.repeat(rows, situation.count), held.reshape(-1, pictures.images.shape[1])


def best_captions(
    query: Embeddings, owner: NDArray[np.int64], held: Embeddings, count: int
) -> Scores:
    """The cosine of each picture's nearest caption, NaN without one: [count]."""
    best = np.full(count, -np.inf)
    np.maximum.at(best, owner, held @ query)
    return np.where(np.isinf(best), np.nan, best)


@contextmanager
def filled(
    home: Path, pictures: Pictures, situation: Situation, tower: TowerPair
) -> Iterator[Connection]:
    """A catalogue as an ingestion would write it; the picture at row n has the id n + 1."""
    with Catalogue.create(home, tower.identity) as catalogue, catalogue.writer() as connection:
        with transaction(connection):
            for row, image in enumerate(pictures.images):
                info = ImageInfo(row.to_bytes(32, "big"), "JPEG", 500, 375, 60_000)
                image_id = writing.insert_image(connection, info, image)
                file = FoundFile(Path(f"/pictures/{row:06}.jpg"), 60_000, 1)
                writing.put_file(connection, file, image_id)
            add_captions(connection, pictures, situation)
        bring_up(connection)
        yield connection


def add_captions(connection: Connection, pictures: Pictures, situation: Situation) -> None:
    """Captions with their embeddings."""
    for row, owner in enumerate(situation.owner):
        if owner >= 0:
            texts = pictures.texts[owner][1 : 1 + situation.count]
            own = dict(zip(texts, pictures.captions[owner][1:], strict=False))
            writing.add_captions(connection, row + 1, [Caption(text) for text in own])
            waiting = unembedded(connection, len(own))
            embeddings = [own[text] for _, text in waiting]
            put_embeddings(connection, [each for each, _ in waiting], embeddings)


MEASURES: dict[str, Callable[[Ranks], Ranks]] = {
    **{f"hit@{cut}": lambda ranks, cut=cut: 100.0 * (ranks <= cut) for cut in CUTS},  # type: ignore[misc]
    # one right picture a query: its gain is 1 / log2(1 + rank) of an ideal 1
    "nDCG@10": lambda ranks: np.where(ranks <= 10, 100.0 / np.log2(1 + ranks), 0.0),
}


def figures(own: Ranks, against: Ranks) -> dict[str, list[float]]:
    """Each measure with the bounds of its 95 % bootstrap interval, and of its gain in nDCG@10.

    The gain over pictures alone is of the same queries, so its interval is a paired one.
    """
    drawn = np.random.default_rng(1).integers(0, len(own), (2000, len(own)))
    found = {}
    for name, measure in MEASURES.items():
        found[name] = with_bounds(measure(own), drawn)
    gain = MEASURES["nDCG@10"](own) - MEASURES["nDCG@10"](against)
    found["gain"] = with_bounds(gain, drawn)
    return found


def with_bounds(values: Ranks, drawn: NDArray[np.int64]) -> list[float]:
    low, high = np.percentile(values[drawn].mean(axis=1), [2.5, 97.5])
    return [round(float(number), 1) for number in (values.mean(), low, high)]


def table(rows: Sequence[Mapping[str, object]]) -> str:
    """The rows as a table in Markdown."""
    names = [*MEASURES, "gain"]
    head = ["set", "captions", "ranked by", *names[:-1], "gain over pictures (nDCG@10)"]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for row in rows:
        cells = [
            "{} ({} to {})".format(*row[name])  # type: ignore[misc]
            for name in names
        ]
        lines.append(f"| {row['set']} | {row['situation']} | {row['way']} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
