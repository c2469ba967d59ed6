"""What the package does to the program around it: nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import faiss
import numpy as np
import pytest

from clipsearch.indexes import Generation, on_gpu, publish, recipe_named
from clipsearch.values import Embeddings, Ids


def test_importing_the_package_loads_no_faiss() -> None:
    script = "import sys, clipsearch.indexes; print('faiss' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert told.stdout == "False\n", told.stderr


def test_searching_and_publishing_leave_the_number_of_threads_alone(
    make_rows: Callable[[int, int], Embeddings], make_index: Callable[[Ids, Embeddings], Generation]
) -> None:
    before = faiss.omp_get_max_threads()
    try:
        for threads in (1, 3):
            faiss.omp_set_num_threads(threads)
            rows = make_rows(1500, 16)
            make_index(np.arange(1500), rows).index.search(rows[:2], 5)
            assert faiss.omp_get_max_threads() == threads
    finally:
        faiss.omp_set_num_threads(before)


@pytest.mark.skipif(getattr(faiss, "get_num_gpus", lambda: 0)() > 0, reason="FAISS sees a GPU here")
def test_without_a_gpu_an_index_stays_as_it_is(tmp_path: Path) -> None:
    rows = np.eye(4, dtype=np.float32)
    index = publish(tmp_path, 1, recipe_named("flat-fp32"), [(np.arange(4), rows)], {}).index
    assert on_gpu(index) is index
