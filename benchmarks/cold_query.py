"""A cold query, whole process: clipsearch against rclip on the same rows, in turn.

    python benchmarks/cold_query.py --rclip RCLIP_VENV/bin/rclip [--rows 100000] [--rounds 7]

Both get the same random embeddings (512 wide) and answer "a dog on the beach". rclip runs with
--no-indexing and a ViT-B-32-256 of random weights; clipsearch with its built-in tower, whose
width the rows are given, and again with the same random ViT-B-32-256. `--table` shows where the
time of a clipsearch query goes.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
from rclip_peer import fill_rclip, write_towers
from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection
from turns import Command, Run, in_turn, median, ratio

from clipsearch.catalogue import Catalogue, transaction, words
from clipsearch.ingest import bring_background_up, publish_generation
from clipsearch.settings import collection_folder
from clipsearch.towers import TowerOptions, load_towers

WORDS = "a dog on the beach"
Made = TypeVar("Made")


def main() -> None:
    """Time both and print the ratios."""
    arguments = parsed()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        towers = arguments.towers or folder / "towers"
        in_another_process(write_towers, towers)
        commands = in_another_process(prepared, folder, towers, arguments)
        runs = in_turn(commands, arguments.rounds)
        report(runs, as_json=arguments.json)
        if arguments.table:
            show_imports(folder)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rclip", type=Path, required=True, help="the rclip 3.3 program")
    parser.add_argument("--towers", type=Path, help="keep the random towers in this folder")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--table", action="store_true", help="where the time of a query goes")
    return parser.parse_args()


def in_another_process(work: Callable[..., Made], *given: object) -> Made:
    """Do the work elsewhere: a process passes its own peak of memory on to those it starts."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *given).result()


def prepared(folder: Path, towers: Path, arguments: argparse.Namespace) -> list[Command]:
    """Fill a collection for each tower and rclip's database with rows of the same numbers."""
    home, photos = folder / "home", folder / "photos"
    photos.mkdir()
    names = {"clipsearch, built-in": "builtin"}
    names["clipsearch, ViT-B-32-256"] = f"local-dir:{towers / 'open_clip'}"
    commands = []
    for number, (label, model) in enumerate(names.items()):
        fill_collection(home, f"bench{number}", model, photos, arguments.rows)
        program = [sys.executable, "-m", "clipsearch.cli", "query", WORDS]
        commands.append(
            Command(
                label,
                [*program, "--collection", f"bench{number}"],
                {"CLIPSEARCH_HOME": str(home), "PYTHONDONTWRITEBYTECODE": ""},
                folder,
            )
        )
    rclip_home = towers / "rclip"
    fill_rclip(rclip_home, photos, embeddings(arguments.rows, 512))
    environment = {"RCLIP_DATADIR": str(rclip_home), "HF_HUB_OFFLINE": "1"}
    environment["PYTHONDONTWRITEBYTECODE"] = ""
    rclip = [str(arguments.rclip), "--no-indexing", WORDS]
    return [*commands, Command("rclip", rclip, environment, photos)]


def embeddings(rows: int, dim: int) -> np.ndarray:
    """Random directions, float32 [rows, dim]; the same for the same numbers."""
    drawn = np.random.default_rng(0).standard_normal((rows, dim), dtype=np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def fill_collection(home: Path, name: str, model: str, photos: Path, rows: int) -> None:
    """Write a collection of synthetic rows with all that an ingestion makes of them."""
    tower = load_towers(model, home, TowerOptions())
    tower.prepare()
    folder = collection_folder(home, name)
    folder.mkdir(parents=True)
    with Catalogue.create(folder, tower.identity) as catalogue:
        with catalogue.writer() as connection:
            with transaction(connection):
                fill_tables(connection, photos, embeddings(rows, tower.identity.dim))
            words.bring_up(connection)
        publish_generation(catalogue, folder)
        bring_background_up(catalogue, tower.embed_texts)


def fill_tables(connection: Connection, photos: Path, drawn: np.ndarray) -> None:
    """Write an image with a file for each embedding; their ids count from 1."""
    images = [(number, number.to_bytes(32, "big")) for number in range(1, len(drawn) + 1)]
    connection.exec_driver_sql(
        "INSERT INTO images (id, fingerprint, format, width, height, bytes, notes, metadata) "
        "VALUES (?, ?, 'JPEG', 500, 375, 60000, '[]', '{}')",
        images,
    )
    connection.exec_driver_sql(
        "INSERT INTO embeddings (image_id, embedding) VALUES (?, ?)",
        [(number, row.tobytes()) for number, row in enumerate(drawn, start=1)],
    )
    connection.exec_driver_sql(
        "INSERT INTO files (image_id, path, size, mtime_ns) VALUES (?, ?, 60000, 1)",
        [(number, os.fsencode(photos / f"{number:06}.jpg")) for number, _ in images],
    )


def report(runs: dict[str, list[Run]], *, as_json: bool) -> None:
    """Print each command's medians and its ratio to rclip."""
    rows = {
        name: {
            "wall_s": round(median(done, "wall"), 3),
            "cpu_s": round(median(done, "cpu"), 3),
            "peak_mib": round(median(done, "peak")),
            "cpu_ratio": round(ratio(done, runs["rclip"], "cpu"), 3),
            "wall_ratio": round(ratio(done, runs["rclip"], "wall"), 3),
            "peak_ratio": round(ratio(done, runs["rclip"], "peak"), 3),
        }
        for name, done in runs.items()
    }
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    table = Table(title="Cold query, whole process, medians")
    for column in (
        "",
        "wall s",
        "CPU s",
        "peak MiB",
        "CPU / rclip",
        "wall / rclip",
        "peak / rclip",
    ):
        table.add_column(column, justify="left" if not column else "right")
    for name, row in rows.items():
        table.add_row(name, *(str(value) for value in row.values()))
    Console().print(table)


def show_imports(folder: Path) -> None:
    """Print what a query imports and how long each part takes by itself, in milliseconds."""
    environment = {"CLIPSEARCH_HOME": str(folder / "home")}
    program = ["-m", "clipsearch.cli", "query", WORDS, "--collection", "bench0"]
    command = [sys.executable, "-X", "importtime", *program]
    said = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=True
    ).stderr
    table = Table(title="Imports of a query, one run", show_lines=False)
    table.add_column("module")
    table.add_column("ms with what it imports", justify="right")
    for name, milliseconds in imports(said):
        table.add_row(name, f"{milliseconds:.0f}")
    Console().print(table)


def imports(said: str) -> list[tuple[str, float]]:
    """The whole packages of an import log, the dearest first."""
    wanted = ("numpy", "faiss", "onnxruntime", "sqlalchemy", "tokenizers", "click", "clipsearch")
    found = {}
    for line in said.splitlines():
        fields = line.removeprefix("import time:").split("|")
        if len(fields) == 3 and fields[2].strip() in wanted:
            found[fields[2].strip()] = int(fields[1]) / 1000
    return sorted(found.items(), key=lambda pair: -pair[1])


if __name__ == "__main__":
    main()
