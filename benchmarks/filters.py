"""Filters at 100,000 images: how long a filtered search takes, and whether it is exact.

    python benchmarks/filters.py [--rows 100000] [--dim 640] [--rounds 15] [--json]

A synthetic catalogue: unit embeddings, dates over ten years, places over the Earth, 40 cameras,
metadata; each filter's selectivity is counted. Timed is what a search does after its words are
embedded: filter, index, catalogue. The oracle knows the rows from memory: it filters them in
Python and ranks them by exact float32 cosines.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from clipsearch.catalogue import Catalogue, transaction
from clipsearch.catalogue.rows import embedding_bytes, image_row, path_bytes
from clipsearch.collection_reader import CollectionReader
from clipsearch.filters import Filter, MetadataIs, MinSize, Near
from clipsearch.ingest import publish_generation
from clipsearch.search import Direction, Query
from clipsearch.settings import collection_folder
from clipsearch.values import Embeddings, ImageInfo, Pixels, Preprocessing, TowerIdentity

K = 10
FIRST_DAY = datetime(2015, 1, 1)
DAYS = 3_653


class NoTowers:
    """Towers that embed nothing: this benchmark brings embeddings."""

    preprocessing = Preprocessing(8, 8, "squash", "bilinear", (0.0,) * 3, (1.0,) * 3)
    logit_scale, languages, notes = 1.0, ("en",), ()

    def __init__(self, dim: int) -> None:
        self.identity = TowerIdentity("synthetic", dim, "fp32", "0")

    def embed_images(self, pixels: Pixels) -> Embeddings:
        raise NotImplementedError

    def embed_texts(self, texts: Sequence[str]) -> Embeddings:
        raise NotImplementedError

    def prepare(self) -> None:
        """Nothing to do."""


@dataclass(frozen=True, slots=True)
class Row:
    """An image as the oracle knows it."""

    image_id: int
    path: Path
    info: ImageInfo
    sku: int
    captioned: bool


@dataclass(frozen=True, slots=True)
class Case:
    """A filter, and the same in Python."""

    name: str
    where: Filter
    passes: Callable[[Row], bool]


def cases() -> list[Case]:
    """Filters from one image in a thousand to all."""
    near, close = Near(48.1, 11.6, 2_000), Near(48.1, 11.6, 400)
    return [
        Case("none", Filter(), lambda row: True),
        Case("--format jpeg (all)", Filter(formats=["jpeg"]), lambda row: True),
        Case("--min-size 1MP", Filter(min_size=MinSize(megapixels=1)), large),
        Case("--after 2020", Filter(after=date(2020, 1, 1)), lambda row: since(row, 2020)),
        Case("--no-caption", Filter(has_caption=False), lambda row: not row.captioned),
        Case(
            "--under (a tenth)",
            Filter(under=[Path("/photos/3")]),
            lambda row: row.path.parts[2] == "3",
        ),
        Case(
            "--camera 'model 7'",
            Filter(cameras=["MODEL 7"]),
            lambda row: "model 7" in (row.info.camera or "").casefold(),
        ),
        Case("--near 2,000 km", Filter(near=near), lambda row: within(row, near)),
        Case(
            "--where sku=17",
            Filter(metadata=[MetadataIs("shop.sku", [17])]),
            lambda row: row.sku == 17,
        ),
        Case("--near 400 km", Filter(near=close), lambda row: within(row, close)),
        Case(
            "--after 2020 --camera 'model 7' --min-size 1MP --no-caption",
            Filter(
                after=date(2020, 1, 1),
                cameras=["model 7"],
                min_size=MinSize(megapixels=1),
                has_caption=False,
            ),
            lambda row: (
                since(row, 2020)
                and "model 7" in (row.info.camera or "").casefold()
                and large(row)
                and not row.captioned
            ),
        ),
        Case(
            "one day",
            Filter(after=date(2020, 5, 1), before=date(2020, 5, 5)),
            lambda row: (
                row.info.taken is not None
                and datetime(2020, 5, 1) <= row.info.taken < datetime(2020, 5, 5)
            ),
        ),
    ]


def large(row: Row) -> bool:
    return row.info.width * row.info.height >= 1e6


def since(row: Row, year: int) -> bool:
    return row.info.taken is not None and row.info.taken.year >= year


def within(row: Row, near: Near) -> bool:
    if row.info.latitude is None or row.info.longitude is None:
        return False
    return bool(near.distances_km(row.info.latitude, row.info.longitude) <= near.km)


def drawn_rows(count: int) -> list[Row]:
    """Rows with dates, places and cameras, a fifth of each unknown; the same for each count."""
    draw = np.random.default_rng(1)
    rows = []
    for number in range(count):
        known = draw.random(3) > 0.2
        place = np.degrees(np.arcsin(draw.uniform(-1, 1))), draw.uniform(-180, 180)
        width = int(draw.integers(640, 2_000))
        info = ImageInfo(
            fingerprint=number.to_bytes(32, "big"),
            format="JPEG",
            width=width,
            height=width * 3 // 4,
            bytes=60_000 + number,
            taken=FIRST_DAY + timedelta(days=float(draw.uniform(0, DAYS))) if known[0] else None,
            camera=f"Maker Model {draw.integers(40)}" if known[1] else None,
            latitude=float(place[0]) if known[2] else None,
            longitude=float(place[1]) if known[2] else None,
        )
        path = Path(f"/photos/{number % 10}/{number:06}.jpg")
        rows.append(Row(number + 1, path, info, number % 200, number % 3 == 0))
    return rows


def fill(folder: Path, rows: list[Row], embedded: Embeddings) -> None:
    """Write a catalogue of the rows, and its index."""
    folder.mkdir(parents=True)
    catalogue = Catalogue.create(folder, NoTowers(embedded.shape[1]).identity)
    with catalogue, catalogue.writer() as connection, transaction(connection):
        columns = image_row(rows[0].info, {})
        named = ", ".join(columns)
        marks = ", ".join(f":{name}" for name in columns)
        connection.exec_driver_sql(
            f"INSERT INTO images ({named}) VALUES ({marks})",
            [image_row(row.info, {"shop": {"sku": row.sku}}) for row in rows],
        )
        connection.exec_driver_sql(
            "INSERT INTO files (path, image_id, size, mtime_ns) VALUES (?, ?, 1, 1)",
            [(path_bytes(row.path), row.image_id) for row in rows],
        )
        connection.exec_driver_sql(
            "INSERT INTO embeddings (image_id, embedding) VALUES (?, ?)",
            [
                (row.image_id, embedding_bytes(each))
                for row, each in zip(rows, embedded, strict=True)
            ],
        )
        connection.exec_driver_sql(
            "INSERT INTO captions (image_id, text, source) VALUES (?, 'a text', 'human')",
            [(row.image_id,) for row in rows if row.captioned],
        )
    publish_generation(catalogue, folder)


def directions(count: int, dim: int, seed: int) -> Embeddings:
    """Random unit embeddings, float32 [count, dim]."""
    made = np.random.default_rng(seed).standard_normal((count, dim), dtype=np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


def measured(
    collection: CollectionReader,
    case: Case,
    rows: list[Row],
    embedded: Embeddings,
    queries: Embeddings,
) -> dict[str, float | bool | int | str]:
    """Times of all queries, and whether each answer is the oracle's."""
    passing = np.array([row.image_id for row in rows if case.passes(row)], np.int64)
    collection.search(Query([Direction(queries[0])], K, where=case.where))
    wall, cpu, exact = [], [], True
    for query in queries:
        started, worked = time.perf_counter(), time.process_time()
        hits = collection.search(Query([Direction(query)], K, where=case.where))
        wall.append(time.perf_counter() - started)
        cpu.append(time.process_time() - worked)
        scores = np.vecdot(embedded[passing - 1], query)
        best = passing[np.lexsort((passing, -scores))[:K]]
        exact &= [hit.image.id for hit in hits] == best.tolist()
    return {
        "filter": case.name,
        "passing": len(passing),
        "percent": round(100 * len(passing) / len(rows), 2),
        "p50_ms": round(1000 * float(np.percentile(wall, 50)), 1),
        "p95_ms": round(1000 * float(np.percentile(wall, 95)), 1),
        "cpu_ms": round(1000 * min(cpu), 1),
        "exact": exact,
    }


def main() -> None:
    """Measure every case and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=640)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = drawn_rows(arguments.rows)
    embedded = directions(arguments.rows, arguments.dim, 2)
    queries = directions(arguments.rounds, arguments.dim, 3)
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        fill(collection_folder(home, "bench"), rows, embedded)
        towers = NoTowers(arguments.dim)
        with CollectionReader("bench", home=home, tower=towers) as collection:
            found = [measured(collection, case, rows, embedded, queries) for case in cases()]
    if arguments.json:
        print(json.dumps(found, indent=2))
        return
    table = Table(title=f"Filtered search, {arguments.rows:,} images, {arguments.dim} wide")
    for column in found[0]:
        table.add_column(column, justify="left" if column == "filter" else "right")
    for line in found:
        table.add_row(*map(str, line.values()))
    Console().print(table)


if __name__ == "__main__":
    main()
