"""Painted pictures with captions and a small random open_clip model, for tests of tuning."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

COLOURS = {
    "red": (220, 30, 30),
    "green": (30, 200, 40),
    "blue": (30, 40, 220),
    "yellow": (230, 220, 40),
    "white": (240, 240, 240),
    "black": (15, 15, 15),
    "cyan": (40, 220, 220),
    "magenta": (220, 40, 220),
}


def paint_set(folder: Path, copies: int = 3, seed: int = 0) -> Path:
    """Write pictures of eight colours, `copies` of each with its own grain, and their table."""
    random = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["filepath,title,split"]
    for name, colour in COLOURS.items():
        for at in range(copies):
            grain = random.normal(0, 12, (40, 40, 3))
            pixels = (np.array(colour) + grain).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"{name}{at}.png")
            split = "dev" if at == copies - 1 else "train"
            lines.append(f"{name}{at}.png,a {name} square,{split}")
    table = folder / "set.csv"
    table.write_text("\n".join(lines) + "\n")
    return table
