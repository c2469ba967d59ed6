"""Where in a picture the words are."""

from clipsearch.explanation.area import Area
from clipsearch.explanation.drawing import draw, heat_png, overlaid, shown_pixels
from clipsearch.explanation.explaining import (
    Explanation,
    WordRegion,
    explain,
    explain_embedding,
)

__all__ = [
    "Area",
    "Explanation",
    "WordRegion",
    "draw",
    "explain",
    "explain_embedding",
    "heat_png",
    "overlaid",
    "shown_pixels",
]
