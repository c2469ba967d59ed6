"""Pairs of towers: the built-in one, every open_clip model, and your own ONNX exports.

Importing this package loads neither ONNX Runtime nor torch nor a tokenizer.
"""

from clipsearch.towers.pair import TowerOptions, TowerPair, usable

__all__ = ["TowerOptions", "TowerPair", "usable"]
