"""The shipped files turned back into an open_clip folder."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import open_clip
import pytest
import torch
from torch import nn

from clipsearch.training.unpack import load_open_clip_folder, write_open_clip_folder

SHIPPED = Path(__file__).parents[2] / "clipsearch" / "weights"
SENTENCES = ["Two dogs run along the beach .", "a photo of a teapot", "ÉTÉ", "a " * 300]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked folder, moved after it was written."""
    written = tmp_path_factory.mktemp("first") / "tower"
    write_open_clip_folder(SHIPPED, written)
    return written.rename(tmp_path_factory.mktemp("second") / "moved")


@pytest.fixture(scope="module")
def model(folder: Path) -> nn.Module:
    return load_open_clip_folder(folder)


def _run(name: str, inputs: dict[str, object]) -> np.ndarray:
    session = onnxruntime.InferenceSession(SHIPPED / name, providers=["CPUExecutionProvider"])
    found: np.ndarray = session.run(None, inputs)[0]
    return found


def test_the_image_tower_says_what_the_shipped_one_says(model: nn.Module) -> None:
    size = json.loads((SHIPPED / "tower.json").read_text())["preprocessing"]["size"]
    pixels = torch.randn(3, 3, *size, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        embedding = model.encode_image(pixels, normalize=True).numpy()  # type: ignore[operator]
    assert np.abs(embedding - _run("image.onnx", {"pixels": pixels.numpy()})).max() < 1e-4


def test_the_text_tower_says_nearly_what_the_shipped_one_says(
    model: nn.Module, folder: Path
) -> None:
    tokens = open_clip.get_tokenizer(f"local-dir:{folder}")(SENTENCES)
    assert tokens.shape == (4, 128)
    with torch.inference_mode():
        embedding = model.encode_text(tokens, normalize=True).numpy()  # type: ignore[operator]
    inputs = {"input_ids": tokens.numpy(), "attention_mask": (tokens != 0).long().numpy()}
    cosines = (embedding * _run("text.onnx", inputs)).sum(axis=1)
    assert cosines.min() > 0.98


def test_the_folder_loads_from_any_working_directory(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert isinstance(load_open_clip_folder(folder), open_clip.CustomTextCLIP)


def test_pictures_are_squashed_as_the_tower_was_trained(folder: Path) -> None:
    shipped = json.loads((SHIPPED / "tower.json").read_text())["preprocessing"]
    config = json.loads((folder / "open_clip_config.json").read_text())["preprocess_cfg"]
    assert config["resize_mode"] == shipped["mode"] == "squash"
    assert config["mean"] == shipped["mean"] == [0.5, 0.5, 0.5]
    assert config["interpolation"] == shipped["interpolation"]


def test_a_file_that_lacks_a_parameter_is_named(tmp_path: Path) -> None:
    for name in ("tower.json", "vocab.txt", "text.onnx"):
        (tmp_path / name).write_bytes((SHIPPED / name).read_bytes())
    (tmp_path / "image.onnx").write_bytes((SHIPPED / "text.onnx").read_bytes())
    with pytest.raises(KeyError, match=r"visual\.trunk\.conv_stem\.weight"):
        write_open_clip_folder(tmp_path, tmp_path / "out")
