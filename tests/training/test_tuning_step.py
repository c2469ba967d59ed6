"""One step: the same gradient in parts and in processes; what is locked stays."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from towers.tiny_models import write_clip_folder, write_hf_text_folder
from tuning_data import paint_set

from clipsearch.training.tuning.balance import balance_dead_dimensions
from clipsearch.training.tuning.layers import layers_of, parameter_groups
from clipsearch.training.tuning.processes import Processes
from clipsearch.training.tuning.settings import Goal, Locks, LossName, Pace, Settings
from clipsearch.training.tuning.start import load_start
from clipsearch.training.tuning.step import Part, share_gradients
from clipsearch.training.tuning.trainee import Trainee

ROOT = Path(__file__).parents[2]


def _trainee(folder: Path, settings: Settings) -> Trainee:
    return Trainee(load_start(f"local-dir:{folder}", folder, 0).model, settings, "cpu")


def _gradients(trainee: Trainee, parts: int) -> tuple[float, list[torch.Tensor]]:
    pixels = torch.randint(0, 256, (6, 32, 32, 3), generator=torch.manual_seed(1)).to(torch.uint8)
    tokens = trainee.tokens([f"picture {at}" for at in range(6)])
    opened = trainee.open(0)
    for each in opened:
        each.grad = None
    pairs = [
        Part(one, other)
        for one, other in zip(pixels.chunk(parts), tokens.chunk(parts), strict=True)
    ]
    loss = share_gradients(trainee, pairs, opened, 0, Processes())
    return float(loss), [each.grad for each in opened if each.grad is not None]


@pytest.mark.parametrize("loss", ["clip", "siglip", "hinge", "hinge-hardest"])
def test_a_batch_in_parts_has_the_gradient_of_the_whole(tmp_path: Path, loss: LossName) -> None:
    trainee = _trainee(write_clip_folder(tmp_path / "model"), Settings(Goal(loss)))
    whole, whole_gradients = _gradients(trainee, 1)
    parts, part_gradients = _gradients(trainee, 3)
    assert parts == pytest.approx(whole, rel=1e-5)
    for one, other in zip(whole_gradients, part_gradients, strict=True):
        assert torch.allclose(one, other, atol=1e-5)


def test_a_locked_tower_gets_no_gradient(tmp_path: Path) -> None:
    folder = write_clip_folder(tmp_path / "model")
    trainee = _trainee(folder, Settings(locks=Locks(image=0, text=1)))
    _gradients(trainee, 2)
    visual = trainee.model.get_submodule("visual")
    assert all(each.grad is None for each in visual.parameters())
    assert trainee.model.get_parameter("text_projection").grad is not None
    assert trainee.model.get_parameter("transformer.resblocks.1.ln_1.weight").grad is None


def test_layers_open_one_after_another(tmp_path: Path) -> None:
    folder = write_clip_folder(tmp_path / "model")
    trainee = _trainee(folder, Settings(locks=Locks(gradual=2)))
    counts = [len(trainee.open(epoch)) for epoch in (0, 1, 2, 8, 80)]
    assert counts[0] == counts[1] < counts[2] < counts[3] == counts[4]
    assert counts[4] == len(list(trainee.model.parameters()))


def test_layers_are_counted_from_the_embedding_down(tmp_path: Path) -> None:
    model = load_start(str(write_hf_text_folder(tmp_path / "model")), tmp_path, 0).model.module
    names = {id(each): name for name, each in model.named_parameters()}
    firsts = {(each.side, each.depth): names[id(each.parameters[0])] for each in layers_of(model)}
    assert firsts["image", 0] == "visual.proj"
    assert firsts["image", 1].startswith("visual.transformer.resblocks.1.")
    assert firsts["image", 3] == "visual.class_embedding"
    assert firsts["text", 0].startswith("text.proj.")
    assert firsts["text", 2].startswith("text.transformer.encoder.layer.0.")
    assert firsts["text", 3].startswith("text.transformer.embeddings.")


def test_lower_layers_learn_more_slowly(tmp_path: Path) -> None:
    model = load_start(str(write_clip_folder(tmp_path / "model")), tmp_path, 0).model.module
    groups = parameter_groups(layers_of(model), Pace(rate=1.0, layer_decay=0.5))
    assert sorted({group["full_rate"] for group in groups}) == [0.125, 0.25, 0.5, 1.0]
    assert {group["weight_decay"] for group in groups} == {0.1, 0.0}


def test_dead_dimensions_are_brought_back_without_changing_an_embedding(tmp_path: Path) -> None:
    trainee = _trainee(write_hf_text_folder(tmp_path / "model"), Settings())
    norm = trainee.model.get_submodule("text.transformer.encoder.layer.1.output.LayerNorm")
    first = trainee.model.get_submodule("text.proj.0")
    with torch.no_grad():
        norm.get_parameter("weight")[3] = 1e-30
        norm.get_parameter("bias")[3] = 2e-30
        first.get_parameter("weight")[:, 3] = 1e29
    trainee.model.eval()
    tokens = trainee.tokens(["a dog", "two cats"])
    before = trainee.embed_texts(tokens)
    assert balance_dead_dimensions(trainee.model) >= 1
    assert torch.allclose(trainee.embed_texts(tokens), before, atol=1e-5)
    assert float(first.get_parameter("weight").abs().max()) < 1e3


@pytest.mark.slow
def test_two_processes_take_the_steps_of_one(tmp_path: Path) -> None:
    model = write_clip_folder(tmp_path / "model")
    table = paint_set(tmp_path / "data", copies=4)
    command = ["-m", "clipsearch.cli", "train", str(table), "--model", str(model)]
    command += ["--epochs", "2", "--batch", "8", "--rate", "1e-2", "--force", "--quiet"]
    # Adam would make steps of the rounding where a gradient is zero (biases of attention keys)
    command += ["--optimiser", "sgd"]
    alone = [sys.executable, *command, "--out", str(tmp_path / "alone")]
    two = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    two += ["--master-port", "29517", *command, "--out", str(tmp_path / "two")]
    kept = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    for each in (alone, two):
        ran = subprocess.run(each, env=kept, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
    logs = [(tmp_path / f"{name}.run" / "steps.csv").read_text() for name in ("alone", "two")]
    losses = [[float(row.split(",")[2]) for row in log.splitlines()[1:]] for log in logs]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    weights = [
        load_file(tmp_path / f"{name}.run" / "best.safetensors") for name in ("alone", "two")
    ]
    for name, one in weights[0].items():
        assert torch.allclose(one, weights[1][name], atol=1e-4), name
