"""Whole runs on painted pictures: learned, guarded, taken up again, and stopped by disasters."""

import csv
import json
import os
import pickle
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from safetensors.torch import load_file, save_file
from towers.tiny_folder import write_tiny_folder
from towers.tiny_models import write_clip_folder, write_hf_text_folder
from tuning_data import paint_set

from clipsearch.errors import PrecisionRefused, StorageFull, TowerMissing, TowerUnsafe
from clipsearch.towers import TowerOptions, load_towers
from clipsearch.towers.open_clip_source import with_absolute_folders
from clipsearch.training.tuning.loop import Progress
from clipsearch.training.tuning.mixing import Mixture, choose
from clipsearch.training.tuning.run import Leave, Outcome, Plan, Sets, _has_bf16, tune
from clipsearch.training.tuning.settings import Length, Pace, Settings
from clipsearch.training.tuning.sources import read_set
from clipsearch.training_errors import (
    DevInsideTrain,
    EmptySplit,
    LossNotFinite,
    ModelGotWorse,
    ResumeDiffers,
    RunInTheWay,
)

SETTINGS = Settings(
    pace=Pace(rate=2e-3, layer_decay=1.0), length=Length(epochs=4, batch=8, patience=0), ema=0.5
)


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Eight colours to learn, from a random model."""
    table = str(paint_set(tmp_path / "data", copies=4))
    model = write_clip_folder(tmp_path / "model")
    sets = Sets(read_set(table, "train"), read_set(table, "dev"))
    return Plan(f"local-dir:{model}", tmp_path / "out", sets, SETTINGS)


def _tune(plan: Plan) -> Outcome:
    outcome = tune(plan, lambda _: None)
    assert outcome is not None
    return outcome


def _stop_after(epochs: int, error: type[BaseException] = KeyboardInterrupt) -> object:
    def hear(progress: Progress) -> None:
        if progress.epoch == epochs + 1:
            raise error

    return hear


def test_it_learns_and_writes_a_folder_that_open_clip_and_clipsearch_read(
    plan: Plan, tmp_path: Path
) -> None:
    longer = replace(plan.settings, length=Length(epochs=12, batch=8, patience=0))
    outcome = _tune(replace(plan, settings=longer))
    before, after = outcome.before.dev["score"], outcome.choice.chosen.dev["score"]
    assert after > before + 10
    model = open_clip.create_model(f"local-dir:{plan.out}", load_weights=True).eval()
    towers = load_towers(str(plan.out), tmp_path / "home", TowerOptions("fp32"))
    tokens = open_clip.get_tokenizer(f"local-dir:{plan.out}")(["a red square"])
    with torch.inference_mode():
        wanted = model.encode_text(tokens, normalize=True).numpy()
    assert np.abs(towers.embed_texts(["a red square"]) - wanted).max() < 1e-4
    story = json.loads((plan.out / "training.json").read_text())
    assert story["after"]["dev"]["score"] == after
    assert (plan.run.path / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert list((plan.run.path / "tensorboard").iterdir())


def test_at_bf16_it_learns_as_well_where_the_processor_has_it(plan: Plan, tmp_path: Path) -> None:
    half = replace(plan, settings=replace(plan.settings, precision="bf16"), out=tmp_path / "half")
    half = replace(half, leave=Leave(force=True))
    if not _has_bf16("cpu"):
        pytest.skip("this processor has no bf16")
    _tune(replace(plan, leave=Leave(force=True)))
    _tune(half)
    single, halved = (
        [float(row["loss"]) for row in csv.DictReader((each.run.path / "steps.csv").open())]
        for each in (plan, half)
    )
    assert halved == pytest.approx(single, rel=0.1)
    assert halved != single


def test_bf16_is_refused_where_the_processor_has_none(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clipsearch.training.tuning.run._has_bf16", lambda _device: False)
    with pytest.raises(PrecisionRefused, match="no bf16"):
        _tune(replace(plan, settings=replace(plan.settings, precision="bf16")))
    assert not plan.out.exists()


def test_a_text_tower_of_transformers_is_written_whole_and_may_be_moved(
    plan: Plan, tmp_path: Path
) -> None:
    model = write_hf_text_folder(tmp_path / "bert")
    _tune(replace(plan, model=str(model), leave=Leave(force=True)))
    shutil.rmtree(model)
    moved = plan.out.rename(tmp_path / "moved")
    (moved / "tower.json").unlink()
    towers = load_towers(str(moved), tmp_path / "home", TowerOptions("fp32"))
    assert towers.embed_texts(["a dog"]).shape == (1, 32)


def test_a_run_taken_up_again_ends_where_an_unbroken_one_does(plan: Plan, tmp_path: Path) -> None:
    free = replace(plan, leave=Leave(force=True))
    _tune(free)
    broken = replace(free, out=tmp_path / "broken")
    with pytest.raises(KeyboardInterrupt):
        tune(broken, _stop_after(2))  # type: ignore[arg-type]
    _tune(replace(broken, leave=Leave(resume=True, force=True)))
    for name in ("last.safetensors", "best.safetensors"):
        one, other = (load_file(each.run.path / name) for each in (free, broken))
        assert one.keys() == other.keys()
        assert all(torch.equal(one[key], other[key]) for key in one)
    steps = [list(csv.DictReader((each.run.path / "steps.csv").open())) for each in (free, broken)]
    assert [row["loss"] for row in steps[0]] == [row["loss"] for row in steps[1]]


def test_a_resume_with_other_settings_or_data_is_refused_with_the_difference(plan: Plan) -> None:
    with pytest.raises(KeyboardInterrupt):
        tune(plan, _stop_after(1))  # type: ignore[arg-type]
    other = replace(plan.settings, seed=7)
    with pytest.raises(ResumeDiffers, match="seed: 0 then, 7 now") as refused:
        tune(replace(plan, settings=other, leave=Leave(resume=True)), lambda _: None)
    assert set(refused.value.differences) == {"seed"}
    fewer = replace(
        plan.sets, train=replace(plan.sets.train, pictures=plan.sets.train.pictures[1:])
    )
    with pytest.raises(ResumeDiffers) as refused:
        tune(replace(plan, sets=fewer, leave=Leave(resume=True)), lambda _: None)
    assert set(refused.value.differences) == {"train"}


def test_a_run_that_stands_is_neither_overwritten_nor_guessed_at(plan: Plan) -> None:
    with pytest.raises(RunInTheWay, match="no run to resume"):
        tune(replace(plan, leave=Leave(resume=True)), lambda _: None)
    with pytest.raises(KeyboardInterrupt):
        tune(plan, _stop_after(1))  # type: ignore[arg-type]
    with pytest.raises(RunInTheWay, match="--resume"):
        tune(plan, lambda _: None)


def test_a_loss_that_is_no_number_stops_and_the_last_good_checkpoint_stands(plan: Plan) -> None:
    def spoil(progress: Progress) -> None:
        if progress.epoch == 2:  # what a bad disk or too high a rate makes of weights
            tensors = load_file(plan.run.last)
            assert all(bool(each.isfinite().all()) for each in tensors.values())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune(plan, spoil)
    good = plan.run.best.read_bytes()
    tensors = load_file(plan.run.last)
    facts = {
        "facts": json.dumps({"epoch": 1, "best": 1.0, "best_epoch": 1, "left_out": 0, "steps": 3})
    }
    tensors["weights.visual.proj"].fill_(float("nan"))
    save_file(tensors, plan.run.last, metadata=facts)
    spoiled = plan.run.last.read_bytes()
    with pytest.raises(LossNotFinite, match="epoch 2, step 1"):
        tune(replace(plan, leave=Leave(resume=True)), lambda _: None)
    assert plan.run.best.read_bytes() == good
    assert plan.run.last.read_bytes() == spoiled


def test_a_model_that_is_no_better_is_not_written_unless_told_to(plan: Plan) -> None:
    still = replace(plan.settings, pace=Pace(rate=1e-12))
    with pytest.raises(ModelGotWorse, match="the start has"):
        _tune(replace(plan, settings=still))
    assert not plan.out.exists()
    outcome = _tune(replace(plan, settings=still, leave=Leave(resume=True, force=True)))
    assert outcome.choice.objection
    assert (plan.out / "tower.json").is_file()


def test_a_model_that_stands_is_replaced_by_a_better_one_only_when_asked(plan: Plan) -> None:
    plan.out.mkdir()
    for each in Path(plan.model.removeprefix("local-dir:")).iterdir():
        shutil.copy(each, plan.out)
    with pytest.raises(RunInTheWay, match="--replace"):
        tune(plan, lambda _: None)
    start = (plan.out / "open_clip_model.safetensors").read_bytes()
    still = replace(plan.settings, pace=Pace(rate=1e-12))
    with pytest.raises(ModelGotWorse):
        tune(replace(plan, settings=still, leave=Leave(replace=True)), lambda _: None)
    assert (plan.out / "open_clip_model.safetensors").read_bytes() == start


def test_a_dev_picture_inside_train_is_refused_by_its_content(plan: Plan, tmp_path: Path) -> None:
    shutil.copy(tmp_path / "data" / "red3.png", tmp_path / "data" / "red0.png")
    table = str(tmp_path / "data" / "set.csv")
    sets = Sets(read_set(table, "train"), read_set(table, "dev"))
    with pytest.raises(DevInsideTrain, match=r"red3\.png"):
        tune(replace(plan, sets=sets), lambda _: None)
    assert not plan.run.path.exists()


def test_an_empty_split_is_said(plan: Plan, tmp_path: Path) -> None:
    empty = read_set(str(tmp_path / "data" / "set.csv"), "validation")
    with pytest.raises(EmptySplit, match="validation"):
        tune(replace(plan, sets=replace(plan.sets, train=empty)), lambda _: None)


def test_unreadable_pictures_inside_an_epoch_are_skipped_and_counted(
    plan: Plan, tmp_path: Path
) -> None:
    broken = tmp_path / "data" / "red0.png"
    broken.write_bytes(broken.read_bytes()[:200])
    (tmp_path / "data" / "blue1.png").write_text("<html>")
    train = read_set(str(tmp_path / "data" / "set.csv"), "train")
    sets = replace(plan.sets, train=train)
    outcome = _tune(replace(plan, sets=sets, leave=Leave(force=True)))
    assert {each.path.name for each in outcome.skips} == {"red0.png", "blue1.png"}
    assert outcome.reached.left_out == 2 * SETTINGS.length.epochs


def test_early_stopping_ends_a_run_that_gets_no_better(plan: Plan) -> None:
    length = Length(epochs=50, batch=8, patience=2)
    still = replace(plan.settings, pace=Pace(rate=1e-12), length=length)
    outcome = _tune(replace(plan, settings=still, leave=Leave(force=True)))
    assert outcome.reached.epoch == 3


def test_an_architecture_can_begin_at_random(plan: Plan, tmp_path: Path) -> None:
    with pytest.raises(TowerMissing, match="no architecture"):
        tune(replace(plan, model="scratch:no-such"), lambda _: None)
    config = json.loads((tmp_path / "model" / "open_clip_config.json").read_text())["model_cfg"]
    (tmp_path / "tiny-scratch.json").write_text(json.dumps(config))
    open_clip.add_model_config(tmp_path / "tiny-scratch.json")
    outcome = _tune(replace(plan, model="scratch:tiny-scratch", leave=Leave(force=True)))
    assert [each.part for each in outcome.mixtures] == [0.0, 1.0]


class _Evil:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.marker}",)


def test_a_checkpoint_that_would_run_code_is_refused(plan: Plan, tmp_path: Path) -> None:
    folder, marker = tmp_path / "model", tmp_path / "marker"
    (folder / "open_clip_model.safetensors").unlink()
    (folder / "open_clip_model.pt").write_bytes(pickle.dumps({"visual.proj": _Evil(marker)}))
    with pytest.raises(TowerUnsafe, match="would run code"):
        tune(plan, lambda _: None)
    assert not marker.exists()


def test_a_damaged_checkpoint_of_a_run_is_said(plan: Plan) -> None:
    with pytest.raises(KeyboardInterrupt):
        tune(plan, _stop_after(1))  # type: ignore[arg-type]
    plan.run.last.write_bytes(b"\x80\x04garbage")
    with pytest.raises(RunInTheWay, match="is damaged or no checkpoint"):
        tune(replace(plan, leave=Leave(resume=True)), lambda _: None)


def test_an_export_without_its_model_cannot_be_trained(plan: Plan, tmp_path: Path) -> None:
    onnx = write_tiny_folder(tmp_path / "onnx")
    with pytest.raises(TowerMissing, match=r"ONNX export without the open_clip_config\.json"):
        tune(replace(plan, model=str(onnx)), lambda _: None)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk with room for one checkpoint and not for two of them."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=100m", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a small disk cannot be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_at_checkpoint_time_leaves_the_checkpoint_before(
    plan: Plan, small_disk: Path
) -> None:
    on_disk = replace(plan, out=small_disk / "out")

    def fill(progress: Progress) -> None:
        ballast = small_disk / "ballast"
        if progress.epoch == 2 and not ballast.exists():
            room = shutil.disk_usage(small_disk).free - 100_000
            ballast.write_bytes(b"\0" * room)

    with pytest.raises(StorageFull):
        tune(on_disk, fill)
    assert load_file(on_disk.run.last)
    (small_disk / "ballast").unlink()
    outcome = tune(replace(on_disk, leave=Leave(resume=True, force=True)), lambda _: None)
    assert outcome is not None
    assert outcome.reached.epoch == SETTINGS.length.epochs


def _mixture(part: float, dev: float, general: float) -> Mixture:
    return Mixture(part, {"score": dev}, {"score": general})


def test_the_mixture_is_chosen_on_both_sets() -> None:
    found = [_mixture(0, 20, 60), _mixture(0.5, 50, 59.5), _mixture(1, 70, 40)]
    assert choose(found, 1.0, None).chosen.part == 0.5
    assert choose(found, 30.0, None).chosen.part == 1
    assert choose(found, 0.1, None).objection is not None
    better = choose(found, 1.0, _mixture(1.0, 55, 60))
    assert better.objection is not None
    assert "stands there" in better.objection


def test_a_timm_trunk_is_found_beside_the_weights_when_its_folder_was_moved(
    tmp_path: Path,
) -> None:
    here = tmp_path / "image"
    here.mkdir()
    (here / "config.json").write_text("{}")
    for named in ("", "local-dir:/gone/image", f"local-dir:{here}"):
        config = {"text_cfg": {}, "vision_cfg": {"timm_model_name": named}}
        found = with_absolute_folders(config, tmp_path)
        assert found["vision_cfg"]["timm_model_name"] == f"local-dir:{here}"
    published = {"text_cfg": {}, "vision_cfg": {"timm_model_name": "resnet50"}}
    assert with_absolute_folders(published, tmp_path) == published
