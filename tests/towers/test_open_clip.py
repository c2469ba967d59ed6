"""open_clip models: exported once, the same without torch, and never run as code."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from towers.conftest import Fresh
from towers.tiny_models import CLIP_CONFIG, write_clip_folder, write_hf_text_folder

from clipsearch.errors import TowerMissing, TowerUnsafe
from clipsearch.settings import tower_cache
from clipsearch.towers import (
    TowerOptions,
    check_precision,
    load_towers,
    usable,
    verify_tower,
)
from clipsearch.towers.kept import kept_folder
from clipsearch.towers.registry import available_towers
from clipsearch.values import Pixels

TEXTS = ["a dog", "two red cats & a beach, " * 40, "", "café 犬 😀", "it's <b>"]

Writer = Callable[[Path], Path]


@pytest.fixture(scope="module", params=[write_clip_folder, write_hf_text_folder])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model on disk: with CLIP's own text tower, and with one of transformers."""
    write: Writer = request.param
    return write(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="module")
def home(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home where the model was exported."""
    home = tmp_path_factory.mktemp("home")
    load_towers(str(model), home)
    return home


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A small CLIP of one's own."""
    return write_clip_folder(tmp_path / "clip")


def test_the_export_says_what_torch_says(model: Path, home: Path, pixels: Pixels) -> None:
    exported = load_towers(str(model), home)
    in_torch = load_towers(str(model), home, TowerOptions(runtime="torch"))
    assert type(exported) is not type(in_torch)
    assert exported.identity == in_torch.identity
    assert exported.languages == in_torch.languages
    assert exported.logit_scale == pytest.approx(in_torch.logit_scale)
    for ours, theirs in (
        (exported.embed_images(pixels), in_torch.embed_images(pixels)),
        (exported.embed_texts(TEXTS), in_torch.embed_texts(TEXTS)),
    ):
        assert usable(ours).all()
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_open_clip_itself_says_the_same(
    model: Path, home: Path, pixels: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    import open_clip

    monkeypatch.chdir(model)  # open_clip reads `hf_model_name` relative to the working directory
    module, _, _ = open_clip.create_model_and_transforms(f"local-dir:{model}")
    tokens = open_clip.get_tokenizer(f"local-dir:{model}")(TEXTS)
    mean, std = torch.tensor([0.48, 0.46, 0.41]), torch.tensor([0.27, 0.26, 0.28])
    given = ((torch.tensor(pixels) / 255 - mean) / std).permute(0, 3, 1, 2)
    with torch.inference_mode():
        images = module.eval().encode_image(given, normalize=True)
        texts = module.encode_text(tokens, normalize=True)
    pair = load_towers(str(model), home)
    np.testing.assert_allclose(pair.embed_images(pixels), images.numpy(), atol=1e-4)
    np.testing.assert_allclose(pair.embed_texts(TEXTS), texts.numpy(), atol=1e-4)


def test_a_later_start_needs_no_torch(model: Path, home: Path, fresh: Fresh) -> None:
    printed = fresh(
        f"""
import sys
from pathlib import Path
for name in ("torch", "open_clip", "transformers", "onnx", "safetensors"):
    sys.modules[name] = None
from clipsearch.towers import load_towers
import json
pair = load_towers({str(model)!r}, Path({str(home)!r}))
print(json.dumps([pair.identity.digest, pair.embed_texts({TEXTS[:3]!r}).tolist()]))
"""
    )
    digest, rows = json.loads(printed)
    pair = load_towers(str(model), home)
    assert digest == pair.identity.digest
    np.testing.assert_allclose(pair.embed_texts(TEXTS[:3]), rows, atol=1e-6)


def test_the_export_is_whole_and_listed(model: Path, home: Path) -> None:
    name = f"local-dir:{model}"
    verify_tower(kept_folder(tower_cache(home), name))
    (listing,) = [each for each in available_towers(home) if each.state == "kept"]
    assert (listing.name, listing.dim) == (name, 32)


def test_int8_is_close_and_another_identity(model: Path, home: Path, pixels: Pixels) -> None:
    exact = load_towers(str(model), home)
    lighter = load_towers(str(model), home, TowerOptions("int8"))
    assert lighter.identity.precision == "int8"
    assert lighter.identity.digest == exact.identity.digest
    for ours, theirs in (
        (lighter.embed_images(pixels), exact.embed_images(pixels)),
        (lighter.embed_texts(TEXTS), exact.embed_texts(TEXTS)),
    ):
        assert np.sum(ours * theirs, axis=1).min() > 0.99
        assert not np.array_equal(ours, theirs)
    assert check_precision(exact, lighter, pixels) >= 0.9
    verify_tower(kept_folder(tower_cache(home), f"local-dir:{model}"))


def test_a_folder_loads_from_any_working_directory_under_any_name(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pixels: Pixels
) -> None:
    moved = shutil.copytree(model, tmp_path / "siglip moved")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    pair = load_towers("../siglip moved", tmp_path)
    assert pair.identity.name == f"local-dir:{moved}"
    assert usable(pair.embed_images(pixels)).all()
    assert pair.identity.digest == load_towers(str(model), tmp_path / "home").identity.digest


def test_other_weights_are_exported_anew(clip: Path, tmp_path: Path, pixels: Pixels) -> None:
    before = load_towers(str(clip), tmp_path)
    rows = before.embed_images(pixels)
    write_clip_folder(clip, seed=1)
    after = load_towers(str(clip), tmp_path)
    assert after.identity.digest != before.identity.digest
    assert np.abs(after.embed_images(pixels) - rows).max() > 0.01


def test_untouched_weights_with_a_new_date_are_not_exported_anew(
    clip: Path, tmp_path: Path
) -> None:
    before = load_towers(str(clip), tmp_path)
    model = kept_folder(tower_cache(tmp_path), f"local-dir:{clip}") / "image.onnx"
    written = model.stat().st_mtime_ns
    os.utime(clip / "open_clip_model.safetensors", (1, 1))
    assert load_towers(str(clip), tmp_path).identity == before.identity
    assert model.stat().st_mtime_ns == written


def test_a_damaged_export_is_made_again(clip: Path, tmp_path: Path, pixels: Pixels) -> None:
    load_towers(str(clip), tmp_path)
    model = kept_folder(tower_cache(tmp_path), f"local-dir:{clip}") / "image.onnx"
    model.write_bytes(b"")
    assert usable(load_towers(str(clip), tmp_path).embed_images(pixels)).all()


def test_an_export_serves_on_when_the_model_it_came_from_is_gone(
    clip: Path, tmp_path: Path
) -> None:
    before = load_towers(str(clip), tmp_path)
    rows = before.embed_texts(TEXTS)
    shutil.rmtree(clip)
    after = load_towers(before.identity.name, tmp_path)
    assert after.identity == before.identity
    np.testing.assert_array_equal(after.embed_texts(TEXTS), rows)


def test_a_folder_that_does_not_say_how_pictures_are_prepared_is_refused(
    clip: Path, tmp_path: Path
) -> None:
    config = clip / "open_clip_config.json"
    for given in ({}, {"preprocess_cfg": {"mean": [0.5, 0.5, 0.5]}}):
        config.write_text(json.dumps({"model_cfg": CLIP_CONFIG} | given))
        with pytest.raises(TowerMissing, match="preprocess_cfg"):
            load_towers(str(clip), tmp_path)


@pytest.mark.parametrize("name", ["open_clip_pytorch_model.bin", "epoch_5.pt"])
def test_a_pickle_that_would_run_code_is_refused(name: str, clip: Path, tmp_path: Path) -> None:
    class Malicious:
        def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
            return os.system, (f"touch {tmp_path / 'marker'}",)

    (clip / "open_clip_model.safetensors").unlink()
    torch.save({"state_dict": {"weight": Malicious()}}, clip / name)
    with pytest.raises(TowerUnsafe, match="run code"):
        load_towers(str(clip), tmp_path)
    assert not (tmp_path / "marker").exists()


def test_a_training_checkpoint_loads_without_running_it(clip: Path, tmp_path: Path) -> None:
    before = load_towers(str(clip), tmp_path, TowerOptions(runtime="torch"))
    tensors = load_file(clip / "open_clip_model.safetensors")
    (clip / "open_clip_model.safetensors").unlink()
    torch.save(
        {"epoch": 5, "name": "run", "state_dict": {f"module.{k}": v for k, v in tensors.items()}},
        clip / "epoch_5.pt",
    )
    after = load_towers(str(clip), tmp_path, TowerOptions(runtime="torch"))
    np.testing.assert_array_equal(after.embed_texts(TEXTS), before.embed_texts(TEXTS))


def test_weights_of_another_shape_are_said_to_be_so(clip: Path, tmp_path: Path) -> None:
    save_file({"visual.class_embedding": torch.zeros(3)}, clip / "open_clip_model.safetensors")
    with pytest.raises(TowerMissing, match="cannot be built"):
        load_towers(str(clip), tmp_path)


def test_a_model_that_cannot_be_exported_runs_in_torch_with_a_note(
    tmp_path: Path, pixels: Pixels
) -> None:
    folder = write_clip_folder(tmp_path / "clip")
    config = json.loads((folder / "open_clip_config.json").read_text())
    config["model_cfg"]["text_cfg"]["tokenizer_kwargs"] = {"reduction_mask": "simple"}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    pair = load_towers(str(folder), tmp_path)
    (note,) = pair.notes
    assert "runs in torch" in note
    assert usable(pair.embed_images(pixels)).all()
    with pytest.raises(TowerMissing, match="exported"):
        load_towers(str(folder), tmp_path, TowerOptions(runtime="onnx"))


def test_bf16_in_torch_is_close_to_fp32(clip: Path, tmp_path: Path, pixels: Pixels) -> None:
    exact = load_towers(str(clip), tmp_path, TowerOptions("fp32", runtime="torch"))
    lighter = load_towers(str(clip), tmp_path, TowerOptions("bf16", "cpu", "torch"))
    cosines = np.sum(exact.embed_images(pixels) * lighter.embed_images(pixels), axis=1)
    assert 0.99 < cosines.min() < 1.0
