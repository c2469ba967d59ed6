"""Takes a collection over to other towers and dies by its own hand before a durable step.

Run as a program: dying_migration.py HOME N; N of 0 counts the steps and prints how many.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from colour_towers import ColourTowers
from crash.dying import Steps

from clipsearch import Collection, MigrationOptions

steps = Steps(int(sys.argv[2]))
steps.watch()
with Collection(home=Path(sys.argv[1]), tower=ColourTowers()) as collection:
    collection.migrate(ColourTowers("new", side=16), MigrationOptions(batch=4, workers=1))
print(steps.taken)
