"""The captioner's training: its parts agree with each other, and it goes on where it stopped."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_captioner import SMALL, draw_square, silent, squares_plan

from clipsearch.captioning import Captioner
from clipsearch.captioning.confidence import Evidence, confidence
from clipsearch.captioning.folder import Calibration
from clipsearch.captions.plain_words import plain
from clipsearch.training.captioner.calibrating import Calibrated, calibrate
from clipsearch.training.captioner.decoder import CaptionDecoder, Shape
from clipsearch.training.captioner.export import export_decoder
from clipsearch.training.captioner.logistic import fit_logistic
from clipsearch.training.captioner.material import read_sentences
from clipsearch.training.captioner.packing import chosen_captions, packed
from clipsearch.training.captioner.run import train_captioner
from clipsearch.training.captioner.settings import Stage
from clipsearch.training.captioner.vocabulary import (
    END_ID,
    START_ID,
    learn_vocabulary,
    token_ids,
)
from clipsearch.training.captioner.writing import written
from clipsearch.training.checkpoints import load_checkpoint
from clipsearch.training.tuning.material import together
from clipsearch.training.tuning.sources import read_set
from clipsearch.training_errors import DevInsideTrain, EmptySplit, ResumeDiffers

SPLITS = ("train", "train", "dev")
TINY = Shape(50, channels=10, places=4, dim=6, width=16, layers=2, heads=4, inner=32)
CAPTIONS = [[5, 6, 7, END_ID], [8, END_ID], [9, 10, END_ID], [11, 12, 13, 14, END_ID]]


@pytest.fixture
def decoder() -> CaptionDecoder:
    torch.manual_seed(0)
    return CaptionDecoder(TINY).eval()


@pytest.fixture
def memory(decoder: CaptionDecoder) -> torch.Tensor:
    """Two pictures."""
    made: torch.Tensor = decoder.memory(torch.randn(2, 6), torch.rand(2, 4, 10))
    return made.detach()


def test_packed_captions_have_the_logits_that_they_have_word_by_word(
    decoder: CaptionDecoder, memory: torch.Tensor
) -> None:
    batch = packed(CAPTIONS)
    logits = decoder(memory, batch)
    for number, ids in enumerate(CAPTIONS):
        at = number // 2
        seen, cache = decoder.look(memory[at : at + 1]), decoder.begin(1)
        for place, token in enumerate([START_ID, *ids[:-1]]):
            step, cache = decoder.step(torch.tensor([[token]]), cache, seen)
            packed_row = logits[(batch.rows == number) & (batch.columns == place)]
            assert torch.allclose(step[0], packed_row, atol=1e-5)


def test_a_later_word_says_nothing_of_an_earlier_one(
    decoder: CaptionDecoder, memory: torch.Tensor
) -> None:
    other = [[5, 6, 20, END_ID], *CAPTIONS[1:]]
    before, after = decoder(memory, packed(CAPTIONS)), decoder(memory, packed(other))
    assert torch.allclose(before[:3], after[:3], atol=1e-6)
    assert not torch.allclose(before[3], after[3], atol=1e-3)


def test_another_picture_gives_other_words(decoder: CaptionDecoder, memory: torch.Tensor) -> None:
    swapped = decoder(memory.flip(0), packed(CAPTIONS))
    assert not torch.allclose(decoder(memory, packed(CAPTIONS)), swapped, atol=1e-3)


def test_the_exported_graphs_say_what_the_decoder_says(
    decoder: CaptionDecoder, memory: torch.Tensor, tmp_path: Path
) -> None:
    import onnxruntime

    export_decoder(decoder, tmp_path / "look.onnx", tmp_path / "step.onnx")
    look, step = (onnxruntime.InferenceSession(tmp_path / n) for n in ("look.onnx", "step.onnx"))
    embeddings, places = torch.randn(3, 6), torch.rand(3, 4, 10)
    seen_keys, seen_values = look.run(
        None, {"embeddings": embeddings.numpy(), "places": places.numpy()}
    )
    seen, cache = decoder.look(decoder.memory(embeddings, places)), decoder.begin(6)
    keys = values = np.zeros((2, 6, 4, 0, 4), np.float32)
    for token in (START_ID, 7, 9):
        tokens = torch.full((3, 2), token)
        expected, cache = decoder.step(tokens, cache, seen)
        found, keys, values = step.run(
            None,
            {
                "tokens": tokens.numpy(),
                "keys": keys,
                "values": values,
                "seen_keys": seen_keys,
                "seen_values": seen_values,
            },
        )
        assert np.allclose(found, expected.log_softmax(-1).detach().numpy(), atol=2e-3)


def test_sampled_captions_end(decoder: CaptionDecoder, memory: torch.Tensor) -> None:
    found = written(decoder, memory, torch.Generator().manual_seed(1))
    assert all(ids.index(END_ID) == len(ids) - 1 for ids in found)


def test_a_picture_with_few_captions_gives_them_again() -> None:
    found = chosen_captions([[1], [2]], 5, np.random.default_rng(0))
    assert len(found) == 5
    assert sorted(map(tuple, found[:2])) == [(1,), (2,)]


def test_captions_are_learned_without_punctuation_and_come_back_as_they_were() -> None:
    text = plain("A man's T-shirt , caf\u00e9 .")
    assert text == "a man's t-shirt cafe"
    tokenizer = learn_vocabulary([text, "a dog runs"] * 5, 80)
    (ids,) = token_ids(tokenizer, [text], 40)
    assert tokenizer.decode(ids[:-1]) == text


def test_the_logistic_finds_what_decides() -> None:
    random = np.random.default_rng(0)
    evidence = random.normal(size=(400, 2))
    good = evidence[:, 0] * 3 + random.normal(size=400) > 1
    bias, (first, second) = fit_logistic(evidence, good)
    assert first > 1.5
    assert abs(second) < 0.5
    assert bias < 0


def test_a_run_that_was_stopped_ends_with_the_same_weights(
    squares_captioner: Path, tmp_path: Path
) -> None:
    table = squares_captioner.parent / "squares.csv"
    short = replace(SMALL, pictures=Stage(3, 6, 4e-3), rewards=Stage(1, 6, 1e-3))
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train_captioner(squares_plan(table, whole, short), silent)

    class Stopped(Exception):
        """Ctrl-C, between two steps of the second epoch."""

    def stop(what: str, part: float, _value: float) -> None:
        stop.seen = stop.seen + (what == "pictures" and part == 1.0)  # type: ignore[attr-defined]
        if stop.seen == 2:  # type: ignore[attr-defined]
            raise Stopped

    stop.seen = 0  # type: ignore[attr-defined]
    with pytest.raises(Stopped):
        train_captioner(squares_plan(table, parts, short), stop)
    train_captioner(squares_plan(table, parts, short), silent)
    ends = [load_checkpoint(tmp_path / f"{n}.run" / "last.safetensors") for n in ("whole", "parts")]
    assert ends[0][1] == ends[1][1]
    assert all(torch.equal(ends[0][0][name], ends[1][0][name]) for name in ends[0][0])


def test_a_run_is_not_gone_on_with_by_other_settings(squares_captioner: Path) -> None:
    table = squares_captioner.parent / "squares.csv"
    other = replace(SMALL, seed=5)
    with pytest.raises(ResumeDiffers):
        train_captioner(squares_plan(table, squares_captioner, other), silent)


def test_a_picture_to_measure_on_is_not_trained_on(squares_captioner: Path, tmp_path: Path) -> None:
    plan = squares_plan(squares_captioner.parent / "squares.csv", tmp_path / "out")
    with pytest.raises(DevInsideTrain):
        train_captioner(replace(plan, dev=plan.train), silent)


def test_further_pictures_are_learned_from_and_never_measured_on(
    squares_captioner: Path, tmp_path: Path
) -> None:
    table = squares_captioner.parent / "squares.csv"
    for number in range(3):
        draw_square(tmp_path / f"red-{number}.png", "red", 90 + number)
    rows = [f"red-{number}.png,a photo of crimson,{split}" for number, split in enumerate(SPLITS)]
    more = tmp_path / "more.csv"
    more.write_text("\n".join(["filepath,title,split", *rows]) + "\n")
    plan = squares_plan(table, tmp_path / "out", replace(SMALL, pictures=Stage(1, 6, 4e-3)))
    both = replace(plan, also=(read_set(str(more), "train"),))
    assert len(both.taught.pictures) == len(plan.taught.pictures) + 2
    train_captioner(both, silent)
    described = json.loads((plan.out / "captioner.json").read_text())["trained"]
    assert described["data"] == ["squares.csv (train)", "more.csv (train)"]
    assert described["pictures"] == len(both.taught.pictures)
    empty = replace(plan, also=(read_set(str(more), "valid"),), out=tmp_path / "refused")
    with pytest.raises(EmptySplit):
        train_captioner(empty, silent)
    measured = replace(plan, also=(plan.dev,), out=tmp_path / "refused")
    with pytest.raises(DevInsideTrain):
        train_captioner(measured, silent)


def test_the_confidence_is_calibrated_on_other_kinds_of_pictures_too(
    squares_captioner: Path, tmp_path: Path
) -> None:
    plan = squares_plan(squares_captioner.parent / "squares.csv", tmp_path / "copy")
    shutil.copytree(squares_captioner, plan.out)
    wrong = tuple(replace(each, captions=("a photo of crimson",)) for each in plan.dev.pictures)
    weigh = Captioner(plan.out, threads=1).weighed
    alone = calibrate(plan, weigh)
    both = calibrate(replace(plan, also_dev=(replace(plan.dev, pictures=wrong),)), weigh)
    assert both.pictures == 2 * alone.pictures
    usual = (-0.2, -0.5, 1.0, 0.3)
    assert sure(both, usual) < sure(alone, usual)


def sure(found: Calibrated, evidence: Evidence) -> float:
    mean, least, seen, fit = found.weights
    return confidence(Calibration(found.bias, (mean, least, seen, fit)), evidence)


def test_a_picture_of_several_sets_has_the_captions_of_all(squares_captioner: Path) -> None:
    one = read_set(str(squares_captioner.parent / "squares.csv"), "train")
    renamed = tuple(replace(each, captions=("a thing",)) for each in one.pictures)
    both = together((one, replace(one, pictures=renamed)))
    assert len(both.pictures) == both.copies == len(one.pictures)
    assert all(each.captions[-1] == "a thing" for each in both.pictures)
    assert {len(each.captions) for each in both.pictures} == {3}


def test_the_description_names_the_tower_and_no_folder(squares_captioner: Path) -> None:
    described = json.loads((squares_captioner / "captioner.json").read_text())
    assert described["tower"]["name"].startswith("builtin")
    assert "classes" not in described  # it was taught no names
    assert str(squares_captioner.parent) not in json.dumps(described)


def test_sentences_come_from_a_compressed_table(tmp_path: Path) -> None:
    import gzip

    with gzip.open(tmp_path / "s.csv.gz", "wt") as file:
        file.write("caption,source\nA dog .,x\na dog,y\nA cat!,x\n")
    assert read_sentences(tmp_path / "s.csv.gz") == ["a dog", "a cat"]
