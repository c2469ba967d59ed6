"""Pictures on a terminal: as it can show them, else as half blocks in colour."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from clipsearch.cli.records import shown_path
from clipsearch.cli.tables import print_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    import clipsearch
    from clipsearch.values import Pixels

WIDEST = 40
"""Columns of a picture; half a block is a pixel where the terminal shows none."""


def print_previews(hits: Sequence[clipsearch.Hit]) -> None:
    """Write each hit with its picture below; one that cannot be read has its line alone."""
    from clipsearch.gallery.thumbnails import thumbnail_pixels

    for hit in hits:
        print_lines([[hit.rank, f"{hit.score:.4f}", shown_path(hit.image)]])
        pixels = thumbnail_pixels(hit.image)
        if pixels is not None:
            _print_picture(pixels)


def _print_picture(pixels: Pixels) -> None:
    """A picture by the best means that this terminal has."""
    from PIL import Image
    from rich.console import Console

    columns = max(1, min(WIDEST, Console().width - 1))
    picture = Image.fromarray(pixels)
    if find_spec("textual_image") and _can_be_asked():
        Console().print(_renderable(picture, columns))
    else:
        rows = max(1, round(columns * picture.height / picture.width / 2)) * 2
        print_pixels(_pixels(picture.resize((columns, rows))))


def _can_be_asked() -> bool:
    """Whether the terminal can say what it shows: it answers on stdin, and knows its size."""
    return sys.stdin.isatty() and os.get_terminal_size(sys.stdout.fileno()).columns > 0


def _renderable(picture: Any, columns: int) -> Any:
    from textual_image.renderable import Image

    return Image(picture, width=columns, height="auto")


def _pixels(picture: Any) -> Pixels:
    import numpy as np

    return np.asarray(picture, dtype=np.uint8)


def print_pixels(pixels: Pixels) -> None:
    """Pixels [h, w, 3] in pairs, the upper one a half block's colour, the lower its ground."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    rows = pixels[: len(pixels) // 2 * 2]
    for upper, lower in zip(rows[::2].tolist(), rows[1::2].tolist(), strict=True):
        line = Text()
        for one, other in zip(upper, lower, strict=True):
            line.append("▀", f"rgb({','.join(map(str, one))}) on rgb({','.join(map(str, other))})")
        console.print(line, soft_wrap=True)
