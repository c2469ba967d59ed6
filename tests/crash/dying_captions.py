"""Takes in captions and dies by its own hand before the N-th durable step.

Run as a program: dying_captions.py HOME PICTURES N; N of 0 counts the steps and prints how many.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from colour_towers import ColourTowers
from crash.dying import Steps

from clipsearch import Collection, IngestOptions

pictures = Path(sys.argv[2])
steps = Steps(int(sys.argv[3]))
steps.watch()
with Collection(home=Path(sys.argv[1]), tower=ColourTowers()) as collection:
    collection.ingest([pictures], IngestOptions(captions=(pictures / "t.csv",)))
print(steps.taken)
