"""What each place gives to an embedding, by every kind of tower."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from colour_towers import ColourTowers
from numpy.typing import NDArray

from clipsearch.images import decode_picture
from clipsearch.towers import Parts, TowerPair, load_towers, picture_parts
from clipsearch.towers.builtin import BUILTIN_FOLDER
from clipsearch.towers.onnx_cutting import cut_before_pooling
from clipsearch.towers.parts import pooled_parts
from clipsearch.values import Pixels

pytest.importorskip("onnx", reason="the tiny towers are written with onnx")

from explanation.tiny_spatial import write_spatial_folder


def noise(tower: TowerPair, seed: int = 0) -> Pixels:
    size = (tower.preprocessing.height, tower.preprocessing.width, 3)
    return np.random.default_rng(seed).integers(0, 256, size, dtype=np.uint8)


def score_and_sum(tower: TowerPair, pixels: Pixels, parts: Parts) -> tuple[float, float]:
    (text,) = tower.embed_texts(["a dog"])
    (image,) = tower.embed_images(pixels[np.newaxis])
    return float(image @ text), float(parts.maps(text[np.newaxis]).sum())


@pytest.mark.parametrize("named", [False, True])
def test_the_shares_of_a_linear_head_sum_up_to_the_score(tmp_path: Path, named: bool) -> None:
    tower = load_towers(str(write_spatial_folder(tmp_path / "t", named=named)), tmp_path)
    pixels = noise(tower)
    parts = picture_parts(tower, pixels)
    assert (parts.method, parts.rows, parts.columns) == ("linear", 4, 3)
    score, total = score_and_sum(tower, pixels, parts)
    assert total == pytest.approx(score, abs=1e-5)


def test_a_share_of_a_linear_head_is_that_of_its_place(tmp_path: Path) -> None:
    tower = load_towers(str(write_spatial_folder(tmp_path / "t")), tmp_path)
    pixels = noise(tower)
    changed = pixels.copy()
    changed[8:16, 16:24] = 255 - changed[8:16, 16:24]  # the place in row 1, column 2
    one, other = (picture_parts(tower, each).embeddings for each in (pixels, changed))
    # lengths differ, directions do not: but for the place that was changed
    cosines = (one * other).sum(1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)
    assert np.flatnonzero(cosines < 1 - 1e-4).tolist() == [1 * 3 + 2]


def test_the_shares_of_a_bent_head_nearly_sum_up(tmp_path: Path) -> None:
    tower = load_towers(str(write_spatial_folder(tmp_path / "t", hidden=True)), tmp_path)
    pixels = noise(tower)
    parts = picture_parts(tower, pixels)
    assert parts.method == "integrated"
    score, total = score_and_sum(tower, pixels, parts)
    assert total == pytest.approx(score, abs=5e-3)


def test_a_head_whose_shares_miss_its_embedding_is_given_each_place_alone() -> None:
    def head(averages: NDArray[np.float32]) -> NDArray[np.float32]:
        lengths = np.linalg.norm(averages, axis=1, keepdims=True)
        return np.asarray(np.square(averages / np.maximum(lengths, 1e-6)), np.float32)

    regions = np.random.default_rng(0).random((5, 2, 3), dtype=np.float32)
    parts = pooled_parts(regions, head)
    assert parts.method == "tokens"
    alone = head(regions.reshape(5, 6).T)
    assert parts.embeddings == pytest.approx(alone / np.linalg.norm(alone, axis=1, keepdims=True))


def test_the_builtin_tower_tells_without_torch_what_it_sees_where(photographs: Path) -> None:
    tower = load_towers("builtin", photographs)
    pixels = decode_picture(photographs / "chelsea.png", tower.preprocessing).pixels
    parts = picture_parts(tower, pixels)
    assert parts.method in ("linear", "integrated")
    wanted = tower.preprocessing
    assert (parts.rows, parts.columns) == (wanted.height // 32, wanted.width // 32)
    score, total = score_and_sum(tower, pixels, parts)
    assert total == pytest.approx(score, abs=2e-3)


def test_a_cut_names_the_first_layer_of_a_head_of_several(tmp_path: Path) -> None:
    builtin = cut_before_pooling((BUILTIN_FOLDER / "image.onnx").read_bytes())
    assert builtin is not None
    assert builtin.units is not None
    one_layer = write_spatial_folder(tmp_path / "one")
    cut = cut_before_pooling((one_layer / "image.onnx").read_bytes())
    assert cut is not None
    assert cut.units is None


def test_what_is_no_onnx_is_not_cut() -> None:
    with pytest.raises((ValueError, IndexError)):
        cut_before_pooling(b"\x3a\xff\xff\x03nothing")


def test_a_tower_that_averages_its_pixels_falls_back_to_covering(tmp_path: Path) -> None:
    from towers.tiny_folder import write_tiny_folder

    tower = load_towers(str(write_tiny_folder(tmp_path / "t")), tmp_path)
    assert picture_parts(tower, noise(tower)).method in ("linear", "occlusion")


def test_covering_a_place_shows_where_a_colour_is() -> None:
    tower = ColourTowers()
    pixels = np.zeros((32, 32, 3), np.uint8)
    pixels[:, :16, 0] = 255
    pixels[:, 16:, 2] = 255
    parts = picture_parts(tower, pixels)
    assert parts.method == "occlusion"
    red, blue = parts.maps(tower.embed_texts(["red", "blue"]))
    assert red[:, :3].min() > red[:, 4:].max()
    assert blue[:, 4:].min() > blue[:, :3].max()


@pytest.mark.parametrize("pool", ["tok", "avg"])
def test_an_open_clip_transformer_is_asked_token_by_token(tmp_path: Path, pool: str) -> None:
    pytest.importorskip("open_clip", reason="needs clipsearch[torch]")
    import json

    from towers.tiny_models import write_clip_folder

    folder = write_clip_folder(tmp_path / "clip")
    config = json.loads((folder / "open_clip_config.json").read_text())
    config["model_cfg"]["vision_cfg"]["pool_type"] = pool
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    tower = load_towers(f"local-dir:{folder}", tmp_path)
    parts = picture_parts(tower, noise(tower))
    assert (parts.method, parts.rows, parts.columns) == ("tokens", 4, 4)
    assert np.linalg.norm(parts.embeddings, axis=1) == pytest.approx(1, abs=1e-5)
