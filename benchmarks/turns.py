"""Runs commands in turn and compares them run by run: a noisy machine hurts both alike."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Command:
    """A whole process to be timed."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    folder: Path


@dataclass(frozen=True, slots=True)
class Run:
    """What one process took: seconds of wall clock and of all its processors, peak MiB."""

    wall: float
    cpu: float
    peak: float


def run(command: Command) -> Run:
    """Run a command to its end, its output thrown away; raises if it fails."""
    started = time.perf_counter()
    with subprocess.Popen(
        command.arguments,
        env={**os.environ, **command.environment},
        cwd=command.folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stderr is not None
        said = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - started
    if process.returncode not in (0, 1):
        raise RuntimeError(f"{command.name} ended with {process.returncode}: {said.decode()}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def in_turn(commands: Sequence[Command], rounds: int, warm_up: int = 1) -> dict[str, list[Run]]:
    """Run every command once a round; the first rounds warm the disk's cache and do not count."""
    runs: dict[str, list[Run]] = {command.name: [] for command in commands}
    for number in range(warm_up + rounds):
        for command in commands:
            done = run(command)
            if number >= warm_up:
                runs[command.name].append(done)
    return runs


def ratio(ours: Sequence[Run], theirs: Sequence[Run], figure: str) -> float:
    """The median over rounds of our figure divided by theirs in the same round."""
    pairs = zip(ours, theirs, strict=True)
    return statistics.median(getattr(a, figure) / getattr(b, figure) for a, b in pairs)


def median(runs: Sequence[Run], figure: str) -> float:
    """The median of a figure."""
    return statistics.median(getattr(run, figure) for run in runs)
