"""Draws explanations: the picture with its heat over it, and the heat alone for a page."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from clipsearch.explanation.area import spread
from clipsearch.explanation.explaining import Explanation, WordRegion
from clipsearch.images import Picture, decode_picture
from clipsearch.values import Pixels, Preprocessing

# Inferno (van der Walt and Smith, 2015): even in lightness, so that it serves every eye.
_ANCHORS = (
    *("000004", "1b0c41", "4a0c6b", "781c6d", "a52c60"),
    *("cf4446", "ed6925", "fb9b06", "f7d13d", "fcffa4"),
)
STRONGEST = 0.7
"""How much of a picture the greatest heat covers; the least covers a part of it."""
WEAKEST = 0.35
LONGER_SIDE = 640
LEAST_SIDE = 400
TITLE = 28
BOX = "#7fdbff"


def draw(explanation: Explanation, picture: Picture) -> Image.Image:
    """The picture with the heat of the text over it, and a panel for each word, side by side."""
    pixels = shown_pixels(explanation, picture, LONGER_SIDE)
    panels = [_panel(pixels, explanation, explanation.values, explanation.text, None)]
    for word in explanation.words:
        panels.append(_panel(pixels, explanation, word.values, word.word, word))
    across = min(3, len(panels))
    width, height = panels[0].size
    sheet = Image.new("RGB", (across * width, -(-len(panels) // across) * height), "black")
    for place, panel in enumerate(panels):
        sheet.paste(panel, (place % across * width, place // across * height))
    return sheet


def shown_pixels(explanation: Explanation, picture: Picture, longer_side: int) -> Pixels:
    """The whole picture upright, uint8 [h, w, 3], its longer side at most so many pixels.

    A tiny one is enlarged, so that a title and a box can be seen.
    """
    longest = max(explanation.width, explanation.height)
    scale = min(longer_side, max(longest, LEAST_SIDE)) / longest
    height = max(1, round(explanation.height * scale))
    width = max(1, round(explanation.width * scale))
    whole = Preprocessing(
        height, width, "squash", "bicubic", mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)
    )
    return decode_picture(picture, whole).pixels


def overlaid(pixels: Pixels, explanation: Explanation, values: NDArray[np.float32]) -> Pixels:
    """A picture [h, w, 3] under its heat; what the tower does not see is darkened."""
    heat = heat_of(explanation, values, *pixels.shape[:2])
    seen = np.isfinite(heat)[..., np.newaxis]
    level = np.nan_to_num(heat)[..., np.newaxis]
    cover = np.where(seen, WEAKEST + (STRONGEST - WEAKEST) * level, 0.8)
    colours = np.where(seen, coloured(np.nan_to_num(heat)), 0)
    return np.asarray((1 - cover) * pixels + cover * colours, np.uint8)


def heat_png(explanation: Explanation, longer_side: int = 48) -> bytes:
    """The heat alone as a small PNG with transparency, to be laid over the whole picture."""
    scale = longer_side / max(explanation.width, explanation.height)
    height, width = (max(1, round(s * scale)) for s in (explanation.height, explanation.width))
    heat = heat_of(explanation, explanation.values, height, width)
    level = np.nan_to_num(heat)
    cover = np.where(np.isfinite(heat), 255 * (WEAKEST + (STRONGEST - WEAKEST) * level), 0)
    pixels = np.dstack([coloured(level), cover]).astype(np.uint8)
    written = io.BytesIO()
    # 64 colours are enough for what a browser will blur
    Image.fromarray(pixels, "RGBA").quantize(64).save(written, "PNG", optimize=True)
    return written.getvalue()


def heat_of(
    explanation: Explanation, values: NDArray[np.float32], height: int, width: int
) -> NDArray[np.float32]:
    """A map in 0..1 from its least to its greatest value, over the whole picture [h, w]."""
    least, most = float(values.min()), float(values.max())
    level = (values - least) / (most - least) if most - least > 1e-6 else np.zeros_like(values)
    return spread(level.astype(np.float32), explanation.area, height, width)


def coloured(levels: NDArray[np.float32]) -> NDArray[np.float64]:
    """The colours of levels in 0..1: [..., 3] in 0..255."""
    anchors = np.array([list(bytes.fromhex(anchor)) for anchor in _ANCHORS], np.float64)
    places = np.linspace(0, 1, len(anchors))
    return np.stack([np.interp(levels, places, anchors[:, c]) for c in range(3)], axis=-1)


def _panel(
    pixels: Pixels,
    explanation: Explanation,
    values: NDArray[np.float32],
    title: str,
    word: WordRegion | None,
) -> Image.Image:
    height, width, _ = pixels.shape
    panel = Image.new("RGB", (width, height + TITLE), "black")
    panel.paste(Image.fromarray(overlaid(pixels, explanation, values)), (0, TITLE))
    pen = ImageDraw.Draw(panel)
    score = explanation.score if word is None else word.score
    shown = "".join(char if char.isprintable() else "\ufffd" for char in title)
    pen.text((6, 4), f"{shown}  {score:.3f}", "white", ImageFont.load_default(16))
    if word is not None and word.box is not None:
        across, down = width / explanation.width, height / explanation.height
        box = word.box
        left, top = box.left * across, box.top * down + TITLE
        corners = (left, top, left + box.width * across - 1, top + box.height * down - 1)
        pen.rectangle(corners, outline=BOX, width=3)
    return panel
