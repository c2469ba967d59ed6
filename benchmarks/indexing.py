"""Indexing a folder of photographs: clipsearch against rclip on the same photos, in turn.

    python benchmarks/indexing.py --rclip RCLIP_VENV/bin/rclip [--photos 1000] [--rounds 3]

Photos of 500 x 375. clipsearch runs with its built-in tower, and with the same random
ViT-B-32-256 that rclip runs, both in fp32 and in int8; with `--bf16` at bf16, too, which needs
OpenVINO and a processor that has it. Images a second are taken from whole processes, start and
writing the index included. What is done once for a tower on a machine (its export, the everyday
texts' embeddings, the check of a precision on 256 pictures) is done in the round that does not
count, for rclip as for us. `--large` times 12-megapixel photos against decoding alone;
`--memory` shows the peak of 1,000 and of 4,000 photos.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from photos import write_photographs
from rclip_peer import write_towers
from rich.console import Console
from rich.table import Table
from turns import Command, Run, median, run

DECODE_ALONE = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from PIL import Image
def decode(path):
    image = Image.open(path)
    image.draft("RGB", (576, 576))
    return image.convert("RGB").resize((288, 288), Image.Resampling.BICUBIC)
with ThreadPoolExecutor() as pool:
    for _ in pool.map(decode, sorted(Path(sys.argv[1]).glob("*.jpg"))):
        pass
"""


def main() -> None:
    """Time what was asked for and print the ratios."""
    arguments = parsed()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        towers = arguments.towers or folder / "towers"
        if arguments.large:
            rows = large(folder, arguments.photos, bf16=arguments.bf16)
        elif arguments.memory:
            rows = memory(folder)
        else:
            # elsewhere: a process begins with the peak of the one that starts it
            with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
                pool.submit(write_towers, towers).result()
            rows = against_rclip(folder, towers, arguments)
    if arguments.json:
        print(json.dumps(rows, indent=2))
    else:
        show(rows)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rclip", type=Path, help="the rclip 3.3 program")
    parser.add_argument("--towers", type=Path, help="keep the random towers in this folder")
    parser.add_argument("--photos", type=int, help="[default: 1000, or 300 with --large]")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--builtin-only", action="store_true", help="leave ViT-B-32-256 out")
    parser.add_argument("--bf16", action="store_true", help="at bf16, too")
    parser.add_argument("--large", action="store_true", help="12-megapixel photos")
    parser.add_argument("--memory", action="store_true", help="peak memory as folders grow")
    parser.add_argument("--json", action="store_true")
    found = parser.parse_args()
    found.photos = found.photos or (300 if found.large else 1000)
    return found


def against_rclip(
    folder: Path, towers: Path, arguments: argparse.Namespace
) -> dict[str, dict[str, float]]:
    """Index the same photos with each, in turn; every run begins with an empty home."""
    photos = folder / "photos"
    write_photographs(photos, arguments.photos, (500, 375))
    random_vit = f"local-dir:{towers / 'open_clip'}"
    commands = {
        "rclip": lambda: rclip(arguments.rclip, towers / "rclip", photos),
        "clipsearch, built-in": lambda: ours(folder, photos, "builtin", "fp32"),
        "clipsearch, built-in int8": lambda: ours(folder, photos, "builtin", "int8"),
        "clipsearch, ViT-B-32-256": lambda: ours(folder, photos, random_vit, "fp32"),
        "clipsearch, ViT-B-32-256 int8": lambda: ours(folder, photos, random_vit, "int8"),
    }
    if arguments.bf16:
        commands |= {
            "clipsearch, built-in bf16": lambda: ours(folder, photos, "builtin", "bf16"),
            "clipsearch, ViT-B-32-256 bf16": lambda: ours(folder, photos, random_vit, "bf16"),
        }
    if arguments.builtin_only:
        commands = {name: each for name, each in commands.items() if "ViT" not in name}
    runs = rounds(commands, arguments.rounds)
    return {
        name: {
            "images_per_s": round(arguments.photos / median(done, "wall"), 1),
            "cpu_ms_per_image": round(1000 * median(done, "cpu") / arguments.photos, 1),
            "peak_mib": round(median(done, "peak")),
            "times_rclip": round(
                statistics.median(
                    theirs.wall / mine.wall
                    for mine, theirs in zip(done, runs["rclip"], strict=True)
                ),
                2,
            ),
        }
        for name, done in runs.items()
    }


def rounds(commands: dict[str, Callable[[], Command]], count: int) -> dict[str, list[Run]]:
    """Run every command once a round, after one round that does not count."""
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for number in range(count + 1):
        for name, prepare in commands.items():
            done = run(prepare())
            if number:
                runs[name].append(done)
    return runs


def ours(folder: Path, photos: Path, model: str, precision: str) -> Command:
    """Index into a new collection; towers that were exported before stay."""
    home = folder / "home"
    shutil.rmtree(home / "collections", ignore_errors=True)
    program = [sys.executable, "-m", "clipsearch.cli", "index", str(photos), "--quiet"]
    return Command(
        f"clipsearch {model} {precision}",
        [*program, "--model", model, "--precision", precision],
        {"CLIPSEARCH_HOME": str(home)},
        folder,
    )


def rclip(program: Path, home: Path, photos: Path) -> Command:
    """Index with rclip (it always searches, too), with an empty database."""
    (home / "db.sqlite3").unlink(missing_ok=True)
    environment = {"RCLIP_DATADIR": str(home), "HF_HUB_OFFLINE": "1"}
    return Command("rclip", [str(program), "a dog"], environment, photos)


def large(folder: Path, count: int, *, bf16: bool) -> dict[str, dict[str, float]]:
    """12-megapixel photos with the built-in tower, against decoding them with draft alone."""
    photos = folder / "large"
    write_photographs(photos, count, (4000, 3000))
    alone = [sys.executable, "-c", DECODE_ALONE, str(photos)]
    commands = {
        "decoding alone": lambda: Command("decoding alone", alone, {}, folder),
        "clipsearch, built-in": lambda: ours(folder, photos, "builtin", "fp32"),
        "clipsearch, built-in int8": lambda: ours(folder, photos, "builtin", "int8"),
    }
    if bf16:
        commands["clipsearch, built-in bf16"] = lambda: ours(folder, photos, "builtin", "bf16")
    runs = rounds(commands, 3)
    return {
        name: {
            "images_per_s": round(count / median(done, "wall"), 1),
            "cpu_ms_per_image": round(1000 * median(done, "cpu") / count, 1),
            "busy_cores": round(median(done, "cpu") / median(done, "wall"), 2),
            "wall_ratio": round(
                statistics.median(
                    mine.wall / theirs.wall
                    for mine, theirs in zip(done, runs["decoding alone"], strict=True)
                ),
                2,
            ),
        }
        for name, done in runs.items()
    }


def memory(folder: Path) -> dict[str, dict[str, float]]:
    """The peak of the largest process while folders of two sizes are indexed."""
    rows = {}
    for count in (1000, 4000):
        photos = folder / f"photos{count}"
        write_photographs(photos, count, (500, 375))
        done = run(ours(folder, photos, "builtin", "fp32"))
        rows[f"{count} photos"] = {"peak_mib": round(done.peak), "wall_s": round(done.wall, 1)}
    return rows


def show(rows: dict[str, dict[str, float]]) -> None:
    """Print rows as a table."""
    table = Table()
    table.add_column("")
    for column in next(iter(rows.values())):
        table.add_column(column, justify="right")
    for name, row in rows.items():
        table.add_row(name, *(str(value) for value in row.values()))
    Console().print(table)


if __name__ == "__main__":
    main()
