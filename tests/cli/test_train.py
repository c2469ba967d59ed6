"""`clipsearch train`, from captioned pictures to a collection that uses the model."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest
from running import STOPPED, Clipsearch

pytest.importorskip("torch", reason="training comes with clipsearch[train]")

from towers.tiny_models import write_clip_folder
from tuning_data import paint_set

QUICK = ("--epochs", "6", "--batch", "8", "--rate", "2e-3", "--layer-decay", "1")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Pictures of eight colours with captions."""
    return paint_set(tmp_path / "data", copies=4)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A small random model."""
    return write_clip_folder(tmp_path / "model")


@pytest.mark.slow
def test_what_was_trained_is_used_at_once(
    clipsearch: Clipsearch, table: Path, model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "tower"
    ran = clipsearch("train", table, "--model", model, "--out", out, *QUICK, "--json")
    assert ran.code == 0, ran.err
    assert ran.err.count("epoch ") == 6
    told = json.loads(ran.out)
    assert told["schema_version"] == 2
    assert told["after"]["dev"]["score"] > told["before"]["dev"]["score"]
    indexed = clipsearch("index", table.parent, "-c", "mine", "--model", out)
    assert indexed.code == 0, indexed.err
    found = clipsearch("query", "a red square", "--all", "-c", "mine", "-k", "1", "--json")
    assert json.loads(found.out)["tower"]["name"] == f"local-dir:{out}"


@pytest.mark.slow
def test_lines_give_the_figures_before_and_after(
    clipsearch: Clipsearch, table: Path, model: Path, tmp_path: Path
) -> None:
    arguments = ("--dev-split", "dev", "--general", str(table), "--general-split", "dev")
    ran = clipsearch("train", table, "--model", model, "--out", tmp_path / "t", *QUICK, *arguments)
    assert ran.code == 0, ran.err
    assert [line.split("\t")[::7] for line in ran.lines] == [
        ["before", "dev"],
        ["after", "dev"],
        ["before", "general"],
        ["after", "general"],
    ]


@pytest.mark.slow
def test_ctrl_c_stops_it_and_resume_goes_on(
    clipsearch: Clipsearch, table: Path, model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "tower"
    arguments = ("train", table, "--model", model, "--out", out, "--batch", "8", "--patience", "0")
    process = clipsearch.start(*arguments, "--epochs", "300")
    last = tmp_path / "tower.run" / "last.safetensors"
    until = time.monotonic() + 60
    while not last.exists() and time.monotonic() < until:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode in STOPPED, said
    assert b"go on with --resume" in said
    assert b"Traceback" not in said
    refused = clipsearch(*arguments, "--epochs", "4", "--resume")
    assert refused.code == 2
    assert "epochs: 300 then, 4 now" in refused.err


def test_data_that_is_not_there_is_said(clipsearch: Clipsearch, tmp_path: Path) -> None:
    ran = clipsearch("train", tmp_path / "no.csv", "--out", tmp_path / "t")
    assert ran.code == 2
    assert "no.csv" in ran.err
    nothing = clipsearch("train", "--out", tmp_path / "t")
    assert nothing.code == 2
    assert "give DATA, or a collection" in nothing.err


def test_help_imports_no_torch(clipsearch: Clipsearch) -> None:
    ran = clipsearch("train", "--help", PYTHONPROFILEIMPORTTIME="1")
    assert ran.code == 0
    assert "torch" not in ran.err
