"""The built-in towers: there at once, whole, quick to start and light."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from towers.conftest import Fresh

from clipsearch.errors import PrecisionRefused, TowerMissing
from clipsearch.images.picture import decode_picture
from clipsearch.towers import TowerOptions, load_towers, usable, verify_tower
from clipsearch.towers.loading import BUILTIN_FOLDER
from clipsearch.towers.registry import available_towers

BUILTIN_5 = "6a026eb669e6c36c508c98ed59c6a3a7ce05716643c7dae6b7539fe894d4024e"
HEAVY = ("torch", "open_clip", "transformers", "onnx", "tokenizers", "huggingface_hub")


def test_its_files_are_whole() -> None:
    verify_tower(BUILTIN_FOLDER)


def test_it_embeds_pictures_and_texts_in_one_space(tmp_path: Path) -> None:
    pair = load_towers("builtin", tmp_path)
    height, width = pair.preprocessing.height, pair.preprocessing.width
    pixels = np.random.default_rng(0).integers(0, 256, (9, height, width, 3), dtype=np.uint8)
    pictures, texts = pair.embed_images(pixels), pair.embed_texts(["a dog", "a red boat"])
    assert usable(pictures).all()
    assert usable(texts).all()
    assert pictures.shape[1] == texts.shape[1] == pair.identity.dim
    assert pair.languages == ("en",)


def test_a_text_has_one_embedding_whatever_is_embedded_beside_it(tmp_path: Path) -> None:
    pair = load_towers("builtin", tmp_path)
    texts = ["a dog", "two men in red shirts climb a rock above the sea at night", "snow"]
    alone = np.concatenate([pair.embed_texts([text]) for text in texts])
    assert np.array_equal(pair.embed_texts(texts), alone)


def test_it_is_found_by_the_name_in_its_identity(tmp_path: Path) -> None:
    pair = load_towers("builtin", tmp_path)
    assert load_towers(pair.identity.name, tmp_path).identity == pair.identity


def test_another_version_of_it_is_missing(tmp_path: Path) -> None:
    with pytest.raises(TowerMissing, match="this clipsearch brings builtin-"):
        load_towers("builtin-999", tmp_path)


def test_at_int8_it_sees_what_it_sees_at_fp32(tmp_path: Path, photographs: Path) -> None:
    exact = load_towers("builtin", tmp_path)
    lighter = load_towers("builtin", tmp_path, TowerOptions("int8"))
    # of collections made before the tower had this file
    assert lighter.identity.digest == exact.identity.digest == BUILTIN_5
    names = ("astronaut.png", "coffee.png", "rocket.jpg", "chelsea.png")
    decoded = [decode_picture(photographs / name, exact.preprocessing) for name in names]
    pixels = np.stack([each.pixels for each in decoded])
    cosines = (exact.embed_images(pixels) * lighter.embed_images(pixels)).sum(axis=1)
    assert 0.97 < cosines.min() < 1  # without VNNI 0.989 was the least of 100, with it 0.997
    texts = ["a dog"]
    assert np.array_equal(exact.embed_texts(texts), lighter.embed_texts(texts))


def test_bf16_is_run_or_refused_with_the_reason(tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    pair = load_towers("builtin", tmp_path, TowerOptions("bf16"))
    assert pair.identity.precision == "bf16"
    assert usable(pair.embed_texts(["a dog"])).all()  # the text tower stays as it is
    pixels = np.zeros((1, pair.preprocessing.height, pair.preprocessing.width, 3), np.uint8)
    try:
        assert usable(pair.embed_images(pixels)).all()
    except PrecisionRefused as refused:
        assert "bf16" in str(refused)  # noqa: PT017  either is right, by the CPU


def test_first_calls_at_bf16_do_not_wait_for_each_other_for_ever(
    fresh: Fresh, tmp_path: Path
) -> None:
    openvino = pytest.importorskip("openvino")
    if "BF16" not in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        pytest.skip("this CPU has no bf16 instructions")
    source = """
import sys
from pathlib import Path
import numpy as np
from clipsearch.towers import TowerOptions, load_towers
pair = load_towers("builtin", Path.home() / "ours", TowerOptions("bf16"))
sys.setswitchinterval(1e-6)
print(pair.embed_images(np.zeros((64, 288, 288, 3), np.uint8)).shape)
"""
    for _ in range(3):
        assert fresh(source, PYTHON_CPU_COUNT="8").strip() == "(64, 640)"


def test_a_query_in_a_fresh_process_is_light_and_leaves_nothing(
    fresh: Fresh, tmp_path: Path
) -> None:
    source = f"""
import sys
from pathlib import Path
from clipsearch.towers import load_towers
pair = load_towers("builtin", Path.home() / "ours")
PREPARE
print(pair.embed_texts(["a dog on the beach"])[0, :3].tolist())
print([name for name in {HEAVY!r} if name in sys.modules])
"""
    home = tmp_path / "someone"
    plain = fresh(source.replace("PREPARE", ""), home=home)
    assert list(home.iterdir()) == []
    prepared = fresh(source.replace("PREPARE", "pair.prepare()"), home=home)
    ready = fresh(source.replace("PREPARE", ""), home=home)
    assert [path.name for path in home.iterdir()] == ["ours"]
    assert plain.splitlines()[1] == ready.splitlines()[1] == "[]"
    assert prepared == ready


def test_it_stands_first_in_the_list(tmp_path: Path) -> None:
    first, *others = available_towers(tmp_path)
    assert (first.name, first.state, first.languages) == ("builtin", "built in", ("en",))
    assert first.bytes is not None
    assert first.bytes < 64 * 2**20
    assert {listing.state for listing in others} == {"to be fetched"}
