"""Checkpoints are whole, and never run code."""

import os
import pickle
from pathlib import Path

import pytest
import torch

from clipsearch.training.checkpoints import NotACheckpoint, load_checkpoint, save_checkpoint


class _Payload:
    """What a malicious file would do when unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (self.command,)


def test_a_checkpoint_comes_back_with_its_facts(tmp_path: Path) -> None:
    tensors = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor(3)}
    save_checkpoint(tmp_path / "x", tensors, {"epoch": 4, "score": 51.5})
    found, facts = load_checkpoint(tmp_path / "x")
    assert torch.equal(found["a"], tensors["a"])
    assert torch.equal(found["b"], tensors["b"])
    assert facts == {"epoch": 4, "score": 51.5}


@pytest.mark.parametrize("form", ["pickle", "torch"])
def test_a_checkpoint_that_runs_a_command_is_refused(tmp_path: Path, form: str) -> None:
    trace, path = tmp_path / "trace", tmp_path / "bad"
    payload = _Payload(f"touch {trace}")
    if form == "pickle":
        path.write_bytes(pickle.dumps(payload))
    else:
        torch.save({"state": payload}, path)
    with pytest.raises(NotACheckpoint, match="remove it and train again"):
        load_checkpoint(path)
    assert not trace.exists()


def test_a_failed_write_leaves_the_old_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "x"
    save_checkpoint(path, {"a": torch.ones(1)}, {})
    with pytest.raises(AttributeError):
        save_checkpoint(path, {"a": None}, {})  # type: ignore[dict-item]
    assert torch.equal(load_checkpoint(path)[0]["a"], torch.ones(1))
    assert [each.name for each in tmp_path.iterdir()] == ["x"]
