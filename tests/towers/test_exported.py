"""A folder of ONNX towers is run as it says, and refused if it is not whole."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from towers.conftest import Fresh
from towers.tiny_folder import DIM, describe, image_model, write_tiny_folder

from clipsearch.errors import PrecisionRefused, TowerMissing, TowerUnsafe
from clipsearch.settings import tower_cache
from clipsearch.towers import (
    TowerOptions,
    TowerPair,
    load_towers,
    templates_of,
    usable,
    verify_tower,
)
from clipsearch.towers.image_models import ImageModel, Normalised, embed_all
from clipsearch.values import Pixels

FILES = ("image.onnx", "text.onnx", "vocab.txt")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A tiny exported folder; its pictures are 32 high and 24 wide."""
    return write_tiny_folder(tmp_path / "tower")


@pytest.fixture
def pair(folder: Path, tmp_path: Path) -> TowerPair:
    """Its towers."""
    return load_towers(str(folder), tmp_path / "home")


@pytest.fixture
def pictures() -> Pixels:
    """Eleven pictures of its size."""
    return np.random.default_rng(0).integers(0, 256, (11, 32, 24, 3), dtype=np.uint8)


def ready_folder(tmp_path: Path) -> Path:
    """Where the text tower made ready lies."""
    (model,) = tower_cache(tmp_path / "home").glob("ready/*/text.onnx")
    return model.parent


def test_it_is_a_pair_of_towers_that_knows_itself(pair: TowerPair, folder: Path) -> None:
    assert isinstance(pair, TowerPair)
    assert (pair.identity.name, pair.identity.dim) == (f"local-dir:{folder}", DIM)
    assert (pair.logit_scale, pair.languages, pair.notes) == (25.0, ("en",), ())
    assert (pair.preprocessing.height, pair.preprocessing.width) == (32, 24)


def test_embeddings_are_rows_of_unit_length(pair: TowerPair, pictures: Pixels) -> None:
    for rows in (pair.embed_images(pictures), pair.embed_texts(["a dog"] * 9)):
        assert rows.dtype == np.float32
        assert usable(rows).all()
    assert pair.embed_images(pictures[:0]).shape == (0, DIM)
    assert pair.embed_texts([]).shape == (0, DIM)


def test_pictures_are_normalised_by_channel(
    pair: TowerPair, pictures: Pixels, folder: Path
) -> None:
    weights = onnx.numpy_helper.to_array(onnx.load(folder / "image.onnx").graph.initializer[0])
    mean, std = np.array([0.5, 0.4, 0.3]), np.array([0.2, 0.3, 0.4])
    raw = ((pictures / 255 - mean) / std).mean(axis=(1, 2)) @ weights
    wanted = raw / np.linalg.norm(raw, axis=1, keepdims=True)
    np.testing.assert_allclose(pair.embed_images(pictures), wanted, atol=1e-5)


@pytest.mark.parametrize("at_once", [1, 3])
def test_what_a_batch_raises_is_raised(at_once: int, pair: TowerPair, pictures: Pixels) -> None:
    def refuse(_given: Normalised) -> Normalised:
        raise MemoryError("too large")

    with pytest.raises(MemoryError, match="too large"):
        embed_all(ImageModel(refuse, 2, at_once), pictures, pair.preprocessing, DIM)


def test_a_text_means_the_same_in_any_company(pair: TowerPair) -> None:
    texts = ["a dog", "the red cat on the beach, of two", "", "zz " * 100]
    together = pair.embed_texts(texts)
    apart = np.concatenate([pair.embed_texts([text]) for text in texts])
    np.testing.assert_allclose(together, apart, atol=1e-6)


def test_pictures_of_another_size_are_a_mistake(pair: TowerPair, pictures: Pixels) -> None:
    with pytest.raises(ValueError, match="32, 24, 3"):
        pair.embed_images(pictures[:, :16])
    with pytest.raises(ValueError, match="uint8"):
        pair.embed_images(pictures.astype(np.float32))


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0])
def test_rows_without_a_finite_length_are_told(
    value: float, tmp_path: Path, pictures: Pixels
) -> None:
    folder = write_tiny_folder(tmp_path / "broken")
    onnx.save(image_model(np.full((3, DIM), value), unit=False), folder / "image.onnx")
    describe(folder, FILES)
    rows = load_towers(str(folder), tmp_path).embed_images(pictures)
    assert not usable(rows).any()


def test_other_weights_make_another_identity(tmp_path: Path, pair: TowerPair) -> None:
    other = load_towers(str(write_tiny_folder(tmp_path / "tower", seed=1)), tmp_path)
    assert other.identity.name == pair.identity.name
    assert other.identity.digest != pair.identity.digest


def test_another_preprocessing_makes_another_identity(folder: Path, pair: TowerPair) -> None:
    described = json.loads((folder / "tower.json").read_text())
    described["preprocessing"]["mode"] = "shortest"
    (folder / "tower.json").write_text(json.dumps(described))
    assert load_towers(str(folder), folder).identity.digest != pair.identity.digest


def test_a_file_of_another_size_is_refused(folder: Path, tmp_path: Path) -> None:
    with (folder / "text.onnx").open("ab") as file:
        file.write(b"x")
    with pytest.raises(TowerMissing, match=r"text\.onnx is damaged: it has \d+ bytes"):
        load_towers(str(folder), tmp_path)
    (folder / "text.onnx").unlink()
    with pytest.raises(TowerMissing, match="is not there"):
        load_towers(str(folder), tmp_path)


def test_verify_finds_a_change_that_keeps_the_size(folder: Path) -> None:
    verify_tower(folder)
    content = bytearray((folder / "text.onnx").read_bytes())
    content[-1] ^= 1
    (folder / "text.onnx").write_bytes(content)
    with pytest.raises(TowerMissing, match="sha256"):
        verify_tower(folder)


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"format": 2}', '{"format": 1, "name": 3}'])
def test_a_description_that_says_too_little_is_refused(
    content: str, folder: Path, tmp_path: Path
) -> None:
    (folder / "tower.json").write_text(content)
    with pytest.raises(TowerMissing):
        load_towers(str(folder), tmp_path)


def text_with(templates: object) -> dict[str, object]:
    return {"tokenizer": "vocab.txt", "max_tokens": 16, "templates": templates}


def test_templates_of_a_folder_are_the_pairs(folder: Path, tmp_path: Path) -> None:
    describe(folder, FILES, text=text_with(["see {a}"]))
    assert templates_of(load_towers(str(folder), tmp_path)) == ("see {a}",)


@pytest.mark.parametrize("templates", [["see"], [3], 3])
def test_templates_without_a_place_for_words_are_refused(
    templates: object, folder: Path, tmp_path: Path
) -> None:
    describe(folder, FILES, text=text_with(templates))
    with pytest.raises(TowerMissing):
        load_towers(str(folder), tmp_path)


def test_a_link_or_a_file_elsewhere_is_unsafe(folder: Path, tmp_path: Path) -> None:
    (folder / "text.onnx").rename(tmp_path / "text.onnx")
    (folder / "text.onnx").symlink_to(tmp_path / "text.onnx")
    with pytest.raises(TowerUnsafe, match="symbolic link"):
        load_towers(str(folder), tmp_path)
    describe(folder, ("image.onnx", "../text.onnx", "vocab.txt"))
    with pytest.raises(TowerUnsafe, match="outside"):
        load_towers(str(folder), tmp_path)


def test_int8_needs_a_file_of_it_and_is_another_identity(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(PrecisionRefused, match=r"image\.int8\.onnx"):
        load_towers(str(folder), tmp_path, TowerOptions("int8"))
    (folder / "image.int8.onnx").write_bytes((folder / "image.onnx").read_bytes())
    describe(folder, (*FILES, "image.int8.onnx"), auto="int8")
    chosen = load_towers(str(folder), tmp_path)
    asked = load_towers(str(folder), tmp_path, TowerOptions("fp32"))
    assert (chosen.identity.precision, asked.identity.precision) == ("int8", "fp32")
    assert chosen.identity != asked.identity


def test_the_text_tower_made_ready_says_the_same(
    pair: TowerPair, folder: Path, tmp_path: Path
) -> None:
    before = pair.embed_texts(["a dog", "two cats"])
    pair.prepare()
    ready = ready_folder(tmp_path)
    assert {path.name for path in ready.iterdir()} == {"text.onnx", "text.data", "ready.json"}
    written = (ready / "text.onnx").stat().st_mtime_ns
    pair.prepare()
    assert (ready / "text.onnx").stat().st_mtime_ns == written
    again = load_towers(str(folder), tmp_path / "home")
    np.testing.assert_allclose(again.embed_texts(["a dog", "two cats"]), before, atol=1e-6)


def test_a_damaged_ready_tower_is_passed_over_and_made_again(
    pair: TowerPair, folder: Path, tmp_path: Path
) -> None:
    before = pair.embed_texts(["a dog"])
    pair.prepare()
    ready = ready_folder(tmp_path)
    (ready / "text.onnx").write_bytes(b"garbage")
    again = load_towers(str(folder), tmp_path / "home")
    np.testing.assert_allclose(again.embed_texts(["a dog"]), before, atol=1e-6)
    again.prepare()
    assert (ready / "text.onnx").stat().st_size > 100


def test_garbage_of_the_right_size_and_time_is_passed_over_too(
    pair: TowerPair, folder: Path, tmp_path: Path
) -> None:
    before = pair.embed_texts(["a dog"])
    pair.prepare()
    (model,) = tower_cache(tmp_path / "home").glob("ready/*/text.onnx")
    state = model.stat()
    model.write_bytes(b"\xff" * state.st_size)
    os.utime(model, ns=(state.st_atime_ns, state.st_mtime_ns))
    again = load_towers(str(folder), tmp_path / "home")
    np.testing.assert_allclose(again.embed_texts(["a dog"]), before, atol=1e-6)


def test_a_home_that_cannot_be_written_costs_only_time(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    pair = load_towers(str(folder), tmp_path / "file")
    pair.prepare()
    assert usable(pair.embed_texts(["a dog"])).all()


def test_a_query_loads_no_image_tower_and_no_torch(folder: Path, fresh: Fresh) -> None:
    (folder / "image.onnx").write_bytes(b"\0" * (folder / "image.onnx").stat().st_size)
    printed = fresh(
        f"""
import sys
from pathlib import Path
import clipsearch.towers
early = [name for name in ("onnxruntime", "torch", "tokenizers") if name in sys.modules]
from clipsearch.towers.exported_pair import exported_pair
from clipsearch.towers.folder import read_tower_folder
from clipsearch.towers import TowerOptions
pair = exported_pair(read_tower_folder(Path({str(folder)!r})), Path("home"), TowerOptions())
pair.embed_texts(["a dog"])
heavy = ("torch", "open_clip", "transformers", "onnx", "tokenizers", "PIL")
print(early, [name for name in heavy if name in sys.modules])
"""
    )
    assert printed.split() == ["[]", "[]"]


def test_nothing_is_written_outside_our_home(folder: Path, fresh: Fresh, tmp_path: Path) -> None:
    home = tmp_path / "someone"
    fresh(
        f"""
from pathlib import Path
import numpy as np
from clipsearch.towers import load_towers
pair = load_towers({str(folder)!r}, Path.home() / "ours")
pair.prepare()
pair.embed_texts(["a dog"])
pair.embed_images(np.zeros((1, 32, 24, 3), np.uint8))
""",
        home=home,
    )
    assert [path.name for path in home.iterdir()] == ["ours"]
