"""A captioner of transformers is fine-tuned, stopped and gone on with."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from running import Clipsearch
from tiny_captioner import draw_set, silent
from tiny_captioners import write_blip, write_vit_gpt2

from clipsearch.captioning_errors import CaptionerUnusable
from clipsearch.training.captioner.finetuning import TuningPlan, fine_tune
from clipsearch.training.tuning.sources import read_set


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> TuningPlan:
    """Drawn squares for a tiny model, two epochs."""
    folder = tmp_path_factory.mktemp("tuning")
    table = draw_set(folder)
    train, dev = (read_set(str(table), split) for split in ("train", "dev"))
    start = str(write_vit_gpt2(folder / "start"))
    return TuningPlan(start, folder / "out", train, dev, epochs=2, rate=5e-3, threads=1)


def losses(plan: TuningPlan) -> list[float]:
    heard: list[float] = []
    fine_tune(plan, lambda what, _part, value: heard.append(value) if what == "dev loss" else None)
    return heard


def test_the_dev_loss_falls_and_a_stopped_run_goes_on_as_if_it_had_not_been(
    plan: TuningPlan,
) -> None:
    whole = losses(plan)
    assert whole[1] < whole[0]

    def stop(what: str, _part: float, _value: float) -> None:
        if what == "dev loss":
            raise KeyboardInterrupt

    parts = replace(plan, out=plan.out.with_name("parts"))
    with pytest.raises(KeyboardInterrupt):
        fine_tune(parts, stop)
    assert not parts.out.exists()
    assert losses(parts) == pytest.approx(whole[1:])
    assert (parts.out / "model.safetensors").read_bytes() == (
        plan.out / "model.safetensors"
    ).read_bytes()


def test_what_was_tuned_captions(plan: TuningPlan, home: Path) -> None:
    program, table = Clipsearch(home), Path(plan.train.source.split(" (")[0])
    out = plan.out.with_name("by-command")
    ran = program(
        *("train-captioner", table, "--captioner", f"hf:{plan.start}", "--out", out),
        *(
            "--epochs",
            "8",
            "--batch",
            "4",
            "--rate",
            "0.005",
            "--threads",
            "1",
            "--json",
            "--quiet",
        ),
    )
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["dev_loss"] > 0
    picture = table.parent / "red-0.png"
    shown = program("caption", picture, "--captioner", f"hf:{out}", "--longest", "8", "--json")
    assert shown.code == 0, shown.err
    found = json.loads(shown.out)
    assert found["source"] == "generated:hf:by-command"
    assert "square" in found["captions"][0]["caption"]


def test_another_kind_of_model_is_refused(plan: TuningPlan, tmp_path: Path) -> None:
    other = replace(plan, start=str(write_blip(tmp_path / "blip")), out=tmp_path / "out")
    with pytest.raises(CaptionerUnusable, match="only vision-encoder-decoder"):
        fine_tune(other, silent)
