"""How probable it is that a picture shows what the words say, for any tower.

A cosine alone does not tell: its level differs between towers, collections and words. So it is
held against a background, the cosines of everyday texts with the same pictures. This package
takes numbers and returns numbers; it knows no catalogue and no towers.
"""

from clipsearch.calibration.background import Background, Figures, measure_background
from clipsearch.calibration.curve import EXCLUDED, MATCHED, evidence, probabilities
from clipsearch.calibration.hubness import Hubness, hubness_of
from clipsearch.calibration.texts import background_texts, shipped_embeddings, texts_digest

__all__ = [
    "EXCLUDED",
    "MATCHED",
    "Background",
    "Figures",
    "Hubness",
    "background_texts",
    "evidence",
    "hubness_of",
    "measure_background",
    "probabilities",
    "shipped_embeddings",
    "texts_digest",
]
