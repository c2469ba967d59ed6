"""What ranking again by the captioner adds to the tower's cosine: hit@k, and what it costs.

    python benchmarks/rerank.py DATA [--captions N] [--json]

DATA holds flickr8k.csv and coco.csv (filepath,title,split) with the pictures beside them. Every
one of the first N captions of a dev picture is a query; no caption is indexed, so pictures alone
decide. The weight of a nat is the one under which the right picture is likeliest among the
candidates (softmax) on one half of Flickr8k dev; the other half and COCO dev show what it is worth.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from fusion import picture_worth
from numpy.typing import NDArray

from clipsearch import Captioner, load_towers
from clipsearch.captioning.graphs import Seen, joined
from clipsearch.captioning.reranking import LIKELIHOOD, cut_tokens, nats
from clipsearch.images import decode_picture
from clipsearch.settings import default_home
from clipsearch.towers import TowerPair
from clipsearch.values import Embeddings

CANDIDATES, CUTS = 50, (1, 5, 10)
WEIGHTS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0, 1.5)
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Asked:
    """Queries with their candidates: evidence and nats [n, 50], and which is right (-1: none)."""

    evidence: Numbers
    nats: Numbers
    right: NDArray[np.int64]
    seconds: float

    def of(self, rows: NDArray[np.bool_]) -> Asked:
        """Some of the queries."""
        return Asked(self.evidence[rows], self.nats[rows], self.right[rows], self.seconds)

    def ranks(self, weight: float) -> Numbers:
        """The rank of the right picture, pessimistic among equals; infinity beyond the 50."""
        scores = self.evidence + weight * self.nats
        own = scores[np.arange(len(scores)), self.right]
        return np.where(self.right < 0, np.inf, (scores >= own[:, np.newaxis]).sum(axis=1))

    def loss(self, weight: float) -> float:
        """The mean of -log softmax of the right picture, where it is a candidate."""
        there = self.right >= 0
        scores = (self.evidence + weight * self.nats)[there]
        own = scores[np.arange(len(scores)), self.right[there]]
        return float(np.mean(np.logaddexp.reduce(scores, axis=1) - own))


def main() -> None:
    """Fit the weight, measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("data", type=Path)
    parser.add_argument("--captions", type=int, default=1, help="queries of each picture (1 to 5)")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    tower, captioner = load_towers("builtin", default_home()), Captioner()
    flickr, owner = asked(arguments.data, "flickr8k.csv", tower, captioner, arguments.captions)
    halves = np.random.default_rng(7).permutation(int(owner.max()) + 1) % 2 == 0
    fitted, held_out = flickr.of(halves[owner]), flickr.of(~halves[owner])
    coco, _ = asked(arguments.data, "coco.csv", tower, captioner, arguments.captions)
    losses = {weight: fitted.loss(weight) for weight in (0.0, *WEIGHTS)}
    best = min(losses, key=lambda weight: losses[weight])
    for weight, loss in losses.items():
        print(f"weight {weight}: loss {loss:.4f} on the half that is fitted on", file=sys.stderr)
    sets = {"Flickr8k dev, other half": held_out, "COCO dev": coco}
    rows = [
        {"set": name, "queries": len(each.right), **figures(each, weight), "seconds": each.seconds}
        for name, each in sets.items()
        for weight in dict.fromkeys((0.0, LIKELIHOOD, best))
    ]
    print(json.dumps(rows, indent=1) if arguments.json else table(rows))


def asked(
    data: Path, name: str, tower: TowerPair, captioner: Captioner, captions: int
) -> tuple[Asked, NDArray[np.int64]]:
    """The queries of a table's dev pictures, and whose picture each is."""
    texts: dict[str, list[str]] = {}
    with (data / name).open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["split"] == "dev":
                texts.setdefault(row["filepath"], []).append(row["title"])
    names = [each for each in sorted(texts) if len(texts[each]) >= 5]
    images, seen = looked(data, names, tower, captioner)
    evidence, found, right = [], [], []
    spent = 0.0
    for place, each in enumerate(names):
        for text in texts[each][:captions]:
            (query,) = tower.embed_texts([text])
            weighed = picture_worth(images, query, tower)
            nearest = np.argsort(-weighed, kind="stable")[:CANDIDATES]
            begun = time.process_time()
            tokens = cut_tokens(captioner, text)
            logs = captioner.log_likelihoods(seen.of(nearest), [tokens or (1,)])
            spent += time.process_time() - begun
            evidence.append(weighed[nearest])
            found.append(nats(logs)[:, 0])
            right.append(np.flatnonzero(nearest == place)[0] if place in nearest else -1)
    owner = np.repeat(np.arange(len(names)), captions)
    queries = Asked(
        np.stack(evidence), np.stack(found), np.array(right), round(spent / len(owner), 3)
    )
    print(f"{name}: {len(owner)} queries asked", file=sys.stderr)
    return queries, owner


def looked(
    data: Path, names: list[str], tower: TowerPair, captioner: Captioner
) -> tuple[Embeddings, Seen]:
    """What tower and captioner see in the pictures; says what a picture costs."""
    embeddings, seen = [], []
    begun, spent = time.process_time(), 0.0
    for start in range(0, len(names), 16):
        some = names[start : start + 16]
        pixels = np.stack(
            [decode_picture(data / each, tower.preprocessing).pixels for each in some]
        )
        seen.append(captioner.look_at(pixels))
        spent = time.process_time() - begun
        embeddings.append(tower.embed_images(pixels))
        begun = time.process_time() - spent
    each = 1000 * spent / len(names)
    print(f"{len(names)} pictures: {each:.0f} ms of processor time to look at one", file=sys.stderr)
    return np.concatenate(embeddings), joined(seen)


def figures(queries: Asked, weight: float) -> dict[str, object]:
    """hit@k with 95 % bootstrap intervals, and the gain over the cosine on the same queries."""
    ranks, against = queries.ranks(weight), queries.ranks(0.0)
    drawn = np.random.default_rng(1).integers(0, len(ranks), (2000, len(ranks)))
    found: dict[str, object] = {"weight": weight}
    for cut in CUTS:
        found[f"hit@{cut}"] = bounds(100.0 * (ranks <= cut), drawn)
        gain = 100.0 * (ranks <= cut) - 100.0 * (against <= cut)
        found[f"gain@{cut}"] = bounds(gain, drawn)
    return found


def bounds(values: Numbers, drawn: NDArray[np.int64]) -> str:
    low, high = np.percentile(values[drawn].mean(axis=1), [2.5, 97.5])
    return f"{values.mean():.1f} ({low:.1f} to {high:.1f})"


def table(rows: list[dict[str, object]]) -> str:
    """The rows as a table in Markdown."""
    names = list(rows[0])
    lines = [f"| {' | '.join(names)} |", "|" + "---|" * len(names)]
    return "\n".join([*lines, *(f"| {' | '.join(map(str, row.values()))} |" for row in rows)])


if __name__ == "__main__":
    main()
