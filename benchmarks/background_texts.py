"""Writes the embeddings of the background texts that come with the built-in tower.

    python benchmarks/background_texts.py

Run it when the tower or `clipsearch/calibration/texts.txt` changed: a test says so. Without the
file everything works, but the first `index` of a home embeds the texts.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from clipsearch.calibration.texts import background_texts, shipped_file
from clipsearch.towers import load_towers


def main() -> None:
    """Embed the texts with the built-in tower and put them where they are looked for."""
    with tempfile.TemporaryDirectory() as home:
        tower = load_towers("builtin", Path(home))
        target = shipped_file(tower.identity.digest)
        for earlier in target.parent.glob("texts-*.npy"):
            earlier.unlink()
        np.save(target, tower.embed_texts(background_texts()).astype(np.float16))
    print(f"wrote {target}")


if __name__ == "__main__":
    main()
