"""How fast, how faithful and how near the memory's limit the indexes are.

    python benchmarks/million.py [--rows 1000000] [--dim 512] [--json]

The embeddings are synthetic: images lie in clusters on a low-dimensional sheet, texts lie
elsewhere and point only roughly at an image, as CLIP's do. One query at a time, one thread.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.random import Generator
from rich.console import Console
from rich.table import Table

from clipsearch.indexes import (
    Found,
    Generation,
    agreement_at_k,
    open_generation,
    publish,
    recipe_named,
    scan,
)
from clipsearch.indexes.engine import loaded_faiss
from clipsearch.indexes.manifest import INDEX
from clipsearch.values import Embeddings, Ids

K = 10
MARGIN = 32  # what a search asks for beyond k, to score it again in float32
CHUNK = 50_000


@dataclass(frozen=True, slots=True)
class Figures:
    """One recipe, measured. Times in ms but `build_s`; `limit_ms` is one read of what it reads."""

    recipe: str
    build_s: float
    megabytes: float
    open_ms: float
    plain_open_ms: float
    p50_ms: float
    p95_ms: float
    limit_ms: float
    agreement_images: float
    agreement_texts: float
    rescored_images: float
    rescored_texts: float


@dataclass(frozen=True, slots=True)
class Sheet:
    """Where the synthetic embeddings lie: cluster centres and a basis of falling strength."""

    centres: Embeddings
    basis: Embeddings

    @classmethod
    def drawn(cls, draw: Generator, dim: int, clusters: int = 2000, latent: int = 96) -> Sheet:
        """Draw one; the basis falls off like 1 / sqrt(j), as the spectrum of CLIP's does."""
        strength = np.arange(1, latent + 1, dtype=np.float32) ** np.float32(-0.5)
        basis = draw.standard_normal((latent, dim), dtype=np.float32) * strength[:, None]
        return cls(draw.standard_normal((clusters, latent), dtype=np.float32), basis)

    def images(self, draw: Generator, n: int) -> Embeddings:
        """Draw `n` images [n, dim]."""
        near = self.centres[draw.integers(0, len(self.centres), n)]
        latent = near + 0.7 * draw.standard_normal(near.shape, dtype=np.float32)
        return self._placed(draw, latent, shift=1.0, noise=1.5)

    def texts(self, draw: Generator, n: int) -> Embeddings:
        """Draw `n` texts [n, dim]: nearer to one another than to any image."""
        near = self.centres[draw.integers(0, len(self.centres), n)]
        latent = 0.5 * near + 0.5 * draw.standard_normal(near.shape, dtype=np.float32)
        return self._placed(draw, latent, shift=-2.0, noise=2.0)

    def _placed(
        self, draw: Generator, latent: Embeddings, shift: float, noise: float
    ) -> Embeddings:
        rows = latent @ self.basis
        rows += noise * draw.standard_normal(rows.shape, dtype=np.float32)
        rows += shift
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return rows


def chunks(rows: Embeddings) -> Iterator[tuple[Ids, Embeddings]]:
    """Cut the rows as a catalogue would give them, with ids from 1."""
    for start in range(0, len(rows), CHUNK):
        part = rows[start : start + CHUNK]
        yield np.arange(start + 1, start + 1 + len(part)), part


def measured(name: str, rows: Embeddings, asked: dict[str, Embeddings], folder: Path) -> Figures:
    """Build, open and ask one recipe."""
    began = time.perf_counter()
    publish(folder, 1, recipe_named(name), chunks(rows), {})
    build = time.perf_counter() - began
    opening = least(lambda: open_generation(folder, 1), 5)
    file = folder / "000001" / INDEX
    plain = least(lambda: loaded_faiss().read_index(str(file)), 1)
    held = open_generation(folder, 1)
    queries = np.concatenate(list(asked.values()))
    each = times(lambda at: held.index.search(queries[at : at + 1], K), len(queries))
    raw, rescored = {}, {}
    for kind, some in asked.items():
        exact = scan(some, rows, np.arange(1, len(rows) + 1), K)
        raw[kind] = agreement_at_k(held.index.search(some, K), exact)
        rescored[kind] = agreement_at_k(scored_again(held, some, rows), exact)
    return Figures(
        recipe=name,
        build_s=build,
        megabytes=file.stat().st_size / 2**20,
        open_ms=opening,
        plain_open_ms=plain,
        p50_ms=float(np.percentile(each, 50)),
        p95_ms=float(np.percentile(each, 95)),
        limit_ms=reading_ms(held),
        agreement_images=raw["images"],
        agreement_texts=raw["texts"],
        rescored_images=rescored["images"],
        rescored_texts=rescored["texts"],
    )


def scored_again(held: Generation, queries: Embeddings, rows: Embeddings) -> Found:
    """Take a few more than K and let the float32 embeddings decide, as a collection does."""
    found = [held.index.search(query[None], K + MARGIN).ids[0] for query in queries]
    answers = [
        scan(query[None], rows[ids - 1], ids, K) for query, ids in zip(queries, found, strict=True)
    ]
    return Found(
        np.concatenate([one.ids for one in answers]),
        np.concatenate([one.scores for one in answers]),
    )


def reading_ms(held: Generation) -> float:
    """Return the time of one streaming read of the stored embeddings, in one thread."""
    words = held.index.stored.view.reshape(-1).view(np.int64)
    return least(lambda: np.add.reduce(words), 7)


def least(work: Callable[[], object], repeats: int) -> float:
    """Return the shortest time of `work` in ms."""
    return float(np.min(times(lambda _: work(), repeats)))


def times(work: Callable[[int], object], repeats: int) -> list[float]:
    """Return the time of each of `work(0)`, `work(1)`, ... in ms."""
    taken = []
    for at in range(repeats):
        began = time.perf_counter()
        work(at)
        taken.append((time.perf_counter() - began) * 1e3)
    return taken


def table(figures: list[Figures], title: str) -> Table:
    """Lay the figures out."""
    laid = Table(title=title)
    heads = ["recipe", "build s", "MiB", "open ms (plain)", "p50 / p95 ms", "x one read"]
    for head in [*heads, "agreement@10 images / texts", "scored again"]:
        laid.add_column(head)
    for one in figures:
        laid.add_row(
            one.recipe,
            f"{one.build_s:.1f}",
            f"{one.megabytes:.0f}",
            f"{one.open_ms:.2f} ({one.plain_open_ms:.0f})",
            f"{one.p50_ms:.2f} / {one.p95_ms:.2f}",
            f"{one.p50_ms / one.limit_ms:.2f} of {one.limit_ms:.1f} ms",
            f"{one.agreement_images:.3f} / {one.agreement_texts:.3f}",
            f"{one.rescored_images:.3f} / {one.rescored_texts:.3f}",
        )
    return laid


def main() -> None:
    """Measure every recipe asked for and print a table, or JSON."""
    wants = argparse.ArgumentParser(description="Measure the indexes on synthetic embeddings.")
    wants.add_argument("--rows", type=int, default=1_000_000)
    wants.add_argument("--dim", type=int, default=512)
    wants.add_argument("--queries", type=int, default=100, help="of each kind")
    wants.add_argument("--recipes", default="flat,pq")
    wants.add_argument("--json", action="store_true")
    args = wants.parse_args()
    draw = np.random.default_rng(7)
    sheet = Sheet.drawn(draw, args.dim)
    rows = np.empty((args.rows, args.dim), np.float32)
    for start in range(0, args.rows, CHUNK):
        part = rows[start : start + CHUNK]
        part[:] = sheet.images(draw, len(part))
    asked = {
        "images": sheet.images(draw, args.queries),
        "texts": sheet.texts(draw, args.queries),
    }
    figures = []
    for name in args.recipes.split(","):
        with tempfile.TemporaryDirectory() as folder:
            figures.append(measured(name, rows, asked, Path(folder)))
    if args.json:
        told = [asdict(one) for one in figures]
        print(json.dumps({"rows": args.rows, "dim": args.dim, "figures": told}, indent=1))
    else:
        title = f"{args.rows:,} x {args.dim}, one query at a time, one thread"
        Console(width=140).print(table(figures, title))


if __name__ == "__main__":
    main()
