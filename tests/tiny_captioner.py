"""A captioner for tests: trained in seconds to tell the colours of drawn squares."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from clipsearch.captioning import Captioner
from clipsearch.training.captioner.calibrating import calibrate
from clipsearch.training.captioner.run import Plan, train_captioner
from clipsearch.training.captioner.settings import Settings, Stage
from clipsearch.training.tuning.sources import read_set

COLOURS = {"red": "#d01010", "green": "#10a020", "blue": "#1030d0"}
EACH, DEV = 8, 2
SMALL = Settings(
    sentences=Stage(0, 8, 1e-3),
    pictures=Stage(16, 6, 2e-3),
    rewards=Stage(0, 6, 1e-4),
    captions=2,
    views=1,
    vocabulary=120,
    width=32,
    layers=2,
    dropout=0.0,
    ema=0.9,
)


def silent(_what: str, _part: float, _value: float) -> None:
    """Hear nothing."""


def draw_square(path: Path, colour: str, seed: int) -> Path:
    """A square of a colour somewhere on a light ground."""
    random = np.random.default_rng(seed)
    picture = Image.new("RGB", (96, 96), tuple(random.integers(225, 256, 3).tolist()))
    left, top, side = random.integers(4, 30, 3).tolist()
    ImageDraw.Draw(picture).rectangle(
        (left, top, left + 34 + side, top + 34 + side), COLOURS[colour]
    )
    picture.save(path)
    return path


def draw_set(folder: Path) -> Path:
    """A table of drawn squares with two captions each, split into train and dev."""
    rows = ["filepath,title,split"]
    for colour in COLOURS:
        for number in range(EACH + DEV):
            name = f"{colour}-{number}.png"
            draw_square(folder / name, colour, number)
            split = "train" if number < EACH else "dev"
            rows += [f"{name},A {colour} square on paper.,{split}"]
            rows += [f"{name},Somebody drew a {colour} square .,{split}"]
    table = folder / "squares.csv"
    table.write_text("\n".join(rows) + "\n")
    return table


def squares_plan(table: Path, out: Path, settings: Settings = SMALL) -> Plan:
    """To train on the drawn squares."""
    return Plan(
        name="squares-1",
        out=out,
        train=read_set(str(table), "train"),
        dev=read_set(str(table), "dev"),
        settings=settings,
        threads=1,
    )


def train_on_squares(folder: Path) -> Path:
    """Draw, train, calibrate; the captioner's folder. The table is `squares.csv` in `folder`."""
    plan = squares_plan(draw_set(folder), folder / "captioner")
    train_captioner(plan, silent)
    calibrate(plan, Captioner(plan.out, threads=1).weighed)
    return plan.out
