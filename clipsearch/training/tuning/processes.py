"""One process, or several that `torchrun` started: they share every batch and agree on all else.

Nothing is wrapped: each process embeds its share of a batch, all of them gather the embeddings
of the whole batch and compute the same loss, and the gradients of the towers are added up. So
several processes take the very steps that one would take.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as torchrun
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Processes:
    """This process among all of them."""

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the process that writes files and speaks."""
        return self.rank == 0

    def gather(self, rows: Tensor) -> tuple[Tensor, slice]:
        """The rows of all processes in the order of ranks, and where this one's stand.

        Shares [n, d] may differ in length: a picture may be unreadable.
        """
        if self.count == 1:
            return rows, slice(0, len(rows))
        lengths = [torch.zeros(1, dtype=torch.int64, device=rows.device) for _ in range(self.count)]
        torchrun.all_gather(lengths, torch.tensor([len(rows)], device=rows.device))
        counts = [int(each) for each in lengths]
        padded = rows.new_zeros((max(counts), *rows.shape[1:]))
        padded[: len(rows)] = rows
        found = [torch.empty_like(padded) for _ in range(self.count)]
        torchrun.all_gather(found, padded)
        begin = sum(counts[: self.rank])
        kept = [part[:length] for part, length in zip(found, counts, strict=True)]
        return torch.cat(kept), slice(begin, begin + len(rows))

    def add_up(self, parameters: Iterable[nn.Parameter]) -> None:
        """Add up the gradients of all processes."""
        if self.count == 1:
            return
        for each in parameters:
            if each.grad is None:  # all of its share was unreadable
                each.grad = torch.zeros_like(each)
            torchrun.all_reduce(each.grad)

    def total(self, number: int, device: str) -> int:
        """The sum over all processes."""
        if self.count == 1:
            return number
        told = torch.tensor([number], device=device)
        torchrun.all_reduce(told)
        return int(told)

    def agree(self, number: float, device: str) -> float:
        """What the first process says."""
        if self.count == 1:
            return number
        told = torch.tensor([number], dtype=torch.float64, device=device)
        torchrun.broadcast(told, 0)
        return float(told)


@contextmanager
def joined_processes(
    device: str, environment: Mapping[str, str] = os.environ
) -> Iterator[Processes]:
    """Join the other processes, if `torchrun` started this one."""
    if "WORLD_SIZE" not in environment or "RANK" not in environment:
        yield Processes()
        return
    torchrun.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    try:
        yield Processes(torchrun.get_rank(), torchrun.get_world_size())
    finally:
        torchrun.destroy_process_group()


def own_device(device: str, environment: Mapping[str, str] = os.environ) -> str:
    """The GPU of this process, where each has one."""
    if device == "cuda" and (local := environment.get("LOCAL_RANK")):
        return f"cuda:{local}"
    return device
