"""How many processors our pools of threads and processes may count on."""

from __future__ import annotations

import os
from collections.abc import Mapping


def usable_cpus(environment: Mapping[str, str] = os.environ) -> int:
    """PYTHON_CPU_COUNT where it is a number, else the CPUs that this process may run on.

    That is what `os.process_cpu_count` says from Python 3.13 on, which the variable is from.
    """
    named = environment.get("PYTHON_CPU_COUNT", "")
    if named.isascii() and named.isdigit() and int(named) > 0:
        return int(named)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
