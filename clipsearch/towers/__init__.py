"""Pairs of towers: the built-in one, every open_clip model, and your own ONNX exports.

Importing this package loads neither ONNX Runtime nor torch nor a tokenizer.
"""

from clipsearch.towers.builtin import is_builtin
from clipsearch.towers.claimed import identity_named, is_claimed, may_be_one, taken_for
from clipsearch.towers.folder import verify_tower
from clipsearch.towers.loading import builtin_name, load_towers
from clipsearch.towers.memory import EmbedTexts, TowerMemory, embedding_once
from clipsearch.towers.pair import TowerOptions, TowerPair, usable
from clipsearch.towers.parts import Parts, picture_parts
from clipsearch.towers.precision import check_precision
from clipsearch.towers.scripts import check_readable
from clipsearch.towers.templates import templates_of

__all__ = [
    "EmbedTexts",
    "Parts",
    "TowerMemory",
    "TowerOptions",
    "TowerPair",
    "builtin_name",
    "check_precision",
    "check_readable",
    "embedding_once",
    "identity_named",
    "is_builtin",
    "is_claimed",
    "load_towers",
    "may_be_one",
    "picture_parts",
    "taken_for",
    "templates_of",
    "usable",
    "verify_tower",
]
