"""States of training on disk: whole or not at all, and never a pickle."""

import json
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from clipsearch.training.durable_files import written_durably


class NotACheckpoint(ValueError):
    """A file that is no safetensors file; its content was not run and is not used."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is no safetensors checkpoint: remove it and train again")
        self.path = path


def save_checkpoint(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, float]) -> None:
    """Write named tensors and a few numbers about them."""
    plain = {name: each.detach().contiguous().clone() for name, each in tensors.items()}
    with written_durably(path) as unfinished:
        save_file(plain, unfinished, metadata={"facts": json.dumps(dict(facts))})


def load_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, float]]:
    """Give what `save_checkpoint` wrote; raises NotACheckpoint for anything else."""
    try:
        with safe_open(path, framework="pt") as opened:
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
            facts: dict[str, float] = json.loads((opened.metadata() or {}).get("facts", "{}"))
    except SafetensorError as error:
        raise NotACheckpoint(path) from error
    return tensors, facts
