"""What fusion costs a cold query, whole process: with and without captions, fused and by pictures.

    python benchmarks/fusion_cold.py [--rows 100000] [--rounds 9]

Both collections hold the same random embeddings; in one each picture has a caption of random
words, whose frequencies fall off as those of a language do, with a random embedding.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
from cold_query import embeddings, in_another_process
from sqlalchemy import Connection
from turns import Command, in_turn

from clipsearch import load_towers
from clipsearch.catalogue import Catalogue, Indexed, transaction, words
from clipsearch.catalogue.rows import embedding_bytes
from clipsearch.ingest import publish_generation
from clipsearch.ingest.publishing import bring_index_up
from clipsearch.settings import collection_folder

ASKED = "word40 word7 word3"
"""The words stand in about 1, 5 and 10 pictures of a hundred."""
WORDS = 5_000


def main() -> None:
    """Time each way of asking in turn and print the least wall and processor time of each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        commands = in_another_process(prepared, folder, arguments.rows)
        for name, runs in in_turn(commands, arguments.rounds).items():
            wall, cpu = min(run.wall for run in runs), min(run.cpu for run in runs)
            peak = max(run.peak for run in runs)
            print(f"{name:32} wall {wall:.3f} s  cpu {cpu:.3f} s  peak {peak:.0f} MiB")


def prepared(folder: Path, rows: int) -> list[Command]:
    """Fill both collections."""
    home = folder / "home"
    bare, captioned = (collection_folder(home, name) for name in ("bare", "captioned"))
    fill_bare(home, bare, rows)
    shutil.copytree(bare, captioned)
    with Catalogue.open(captioned) as catalogue:
        with catalogue.writer() as connection:
            with transaction(connection):
                add_captions(connection, rows, catalogue.tower().dim)
            words.bring_up(connection)
        bring_index_up(catalogue, captioned, Indexed.CAPTIONS)
    program = [sys.executable, "-m", "clipsearch.cli", "query", ASKED]
    environment = {"CLIPSEARCH_HOME": str(home), "PYTHONDONTWRITEBYTECODE": ""}
    return [
        Command(f"{name}, by {by}", [*program, "-c", name, "--by", by], environment, folder)
        for name in ("bare", "captioned")
        for by in ("pictures", "fused")
    ]


def fill_bare(home: Path, folder: Path, rows: int) -> None:
    """Write a collection of pictures with its index, in few statements."""
    tower = load_towers("builtin", home)
    tower.prepare()
    folder.mkdir(parents=True)
    drawn = embeddings(rows, tower.identity.dim)
    with Catalogue.create(folder, tower.identity) as catalogue:
        with catalogue.writer() as connection:
            with transaction(connection):
                connection.exec_driver_sql(
                    "INSERT INTO images (id, fingerprint, format, width, height, bytes, notes, "
                    "metadata) VALUES (?, ?, 'JPEG', 500, 375, 60000, '[]', '{}')",
                    [(row + 1, row.to_bytes(32, "big")) for row in range(rows)],
                )
                connection.exec_driver_sql(
                    "INSERT INTO files (path, image_id, size, mtime_ns) VALUES (?, ?, 60000, 1)",
                    [(f"/pictures/{row:06}.jpg".encode(), row + 1) for row in range(rows)],
                )
                connection.exec_driver_sql(
                    "INSERT INTO embeddings (image_id, embedding) VALUES (?, ?)",
                    [(row + 1, embedding_bytes(each)) for row, each in enumerate(drawn)],
                )
            words.bring_up(connection)
        publish_generation(catalogue, folder)


def add_captions(connection: Connection, rows: int, dim: int) -> None:
    """A caption of ten words for each picture."""
    random = np.random.default_rng(2)
    frequency = 1 / np.arange(1, WORDS + 1)
    drawn = random.choice(WORDS, (rows, 10), p=frequency / frequency.sum())
    held = embeddings(rows + 1, dim)[1:]  # a picture's caption is not its own embedding
    connection.exec_driver_sql(
        "INSERT INTO captions (image_id, text, source, kind, embedding) "
        "VALUES (?, ?, 'human', 'caption', ?)",
        [
            (row + 1, " ".join(f"word{word}" for word in own), embedding_bytes(embedding))
            for row, (own, embedding) in enumerate(zip(drawn, held, strict=True))
        ],
    )


if __name__ == "__main__":
    main()
