"""What a caption of the built-in captioner costs: processor time and captions a second.

    OMP_NUM_THREADS=1 python benchmarks/captioning.py PICTURE... [--threads N]

The pictures are decoded before the clock starts; each number of beams captions all of them. A
loaded machine stretches the wall time, and hardly the processor time.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from clipsearch.captioning import Captioner, Manner
from clipsearch.images import decode_picture

BEAMS = (1, 2, 4)


def main() -> None:
    """Print a table, a line for each number of beams."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("pictures", type=Path, nargs="+")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    captioner = Captioner(threads=given.threads)
    shape = captioner.preprocessing
    pixels = np.stack([decode_picture(path, shape).pixels for path in given.pictures])
    captioner.write(pixels[:1])  # opens the sessions
    print("| beams | processor time a picture | captions a second (wall) |")
    print("|---|---|---|")
    for beams in BEAMS:
        wall, used = time.perf_counter(), time.process_time()
        captioner.write(pixels, Manner(beams=beams))
        used, wall = time.process_time() - used, time.perf_counter() - wall
        print(f"| {beams} | {1000 * used / len(pixels):.0f} ms | {len(pixels) / wall:.1f} |")


if __name__ == "__main__":
    main()
