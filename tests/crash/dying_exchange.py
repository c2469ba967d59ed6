"""Exports a collection, or imports a folder, and dies by its own hand before a durable step.

Run as a program: dying_exchange.py HOME export|import FOLDER N; N of 0 counts the steps and
prints how many.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from colour_towers import ColourTowers
from crash.dying import Steps

from clipsearch import Collection

home, what, folder, deadly = sys.argv[1:]
steps = Steps(int(deadly))
steps.watch()
with Collection(home=Path(home), tower=ColourTowers()) as collection:
    if what == "export":
        collection.export(Path(folder))
    else:
        collection.import_embeddings(Path(folder))
print(steps.taken)
