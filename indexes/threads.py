"""How many threads FAISS may use, without changing it for the program around us."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from clipsearch.indexes.engine import loaded_faiss


@contextmanager
def threads_for(tasks: int) -> Iterator[None]:
    """Let FAISS use at most `tasks` threads inside the block; restore the caller's number after.

    One query is one task: a second thread gains nothing and waits in a spinning barrier.
    OpenMP keeps the number per calling thread, so searches side by side do not see each
    other's.
    """
    faiss = loaded_faiss()
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(min(before, max(tasks, 1)))
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)
