"""How many processors the pools count on."""

from __future__ import annotations

import os
import sys

import pytest

from clipsearch.processors import usable_cpus


def test_pythons_variable_names_the_number_of_processors() -> None:
    assert usable_cpus({"PYTHON_CPU_COUNT": "3"}) == 3


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what a process may use")
@pytest.mark.parametrize("named", ["", "default", "0", "-1", "two", "²"])
def test_what_is_no_number_leaves_the_processors_that_the_process_may_use(named: str) -> None:
    assert usable_cpus({"PYTHON_CPU_COUNT": named}) == len(os.sched_getaffinity(0))
