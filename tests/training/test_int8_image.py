"""The image tower rounded to int8: small, nearly as exact, and the same tower."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from towers.tiny_folder import describe, write_tiny_folder

from clipsearch.towers import TowerOptions, load_towers
from clipsearch.towers.onnx_safety import external_locations
from clipsearch.training.activations import patient_session
from clipsearch.training.export_check import ExportDiffers
from clipsearch.training.int8_image import (
    Observed,
    add_int8,
    correct_biases,
    observe,
    quantise_image_tower,
    rounded,
)

CHANNELS, DIM = 64, 16
BLOCK = "/visual/trunk/blocks/blocks.1/blocks.1.0"


def _tower() -> onnx.ModelProto:
    """A stem, one inverted residual block and a linear head; one channel is dead."""
    random = np.random.default_rng(0)

    def weights(*shape: int) -> NDArray[np.float32]:
        drawn = random.normal(size=shape) * np.sqrt(2 / np.prod(shape[1:]))
        return np.asarray(drawn, np.float32)

    tensors: dict[str, NDArray[np.float32]] = {
        "stem": weights(CHANNELS, 3, 3, 3),
        "pw": weights(CHANNELS, CHANNELS, 1, 1),
        "dw": weights(CHANNELS, 1, 3, 3),
        "pwl": weights(CHANNELS, CHANNELS, 1, 1),
        "head": weights(CHANNELS, DIM),
        "zero": np.array(0, np.float32),
        "six": np.array(6, np.float32),
    }
    tensors["pw"][3] = 0
    tensors |= {f"{name}.bias": weights(CHANNELS, 1)[:, 0] for name in ("stem", "pw", "dw", "pwl")}

    def conv(name: str, place: str, given: str, **more: Any) -> onnx.NodeProto:
        return helper.make_node("Conv", [given, name, f"{name}.bias"], [name + ".o"], place, **more)

    def clip(given: str, place: str) -> onnx.NodeProto:
        return helper.make_node("Clip", [given, "zero", "six"], [given + ".clip"], place)

    nodes = [
        conv("stem", "/visual/trunk/conv_stem/Conv", "pixels", strides=[2, 2]),
        clip("stem.o", "/visual/trunk/bn1/act/Clip"),
        conv("pw", f"{BLOCK}/conv_pw/Conv", "stem.o.clip"),
        clip("pw.o", f"{BLOCK}/bn1/act/Clip"),
        conv("dw", f"{BLOCK}/conv_dw/Conv", "pw.o.clip", group=CHANNELS, pads=[1, 1, 1, 1]),
        clip("dw.o", f"{BLOCK}/bn2/act/Clip"),
        conv("pwl", f"{BLOCK}/conv_pwl/Conv", "dw.o.clip"),
        helper.make_node("Add", ["pwl.o", "stem.o.clip"], ["seen"], f"{BLOCK}/Add"),
        helper.make_node("GlobalAveragePool", ["seen"], ["pooled"], "/visual/trunk/global_pool"),
        helper.make_node("Flatten", ["pooled"], ["flat"], "/visual/flatten"),
        helper.make_node("MatMul", ["flat", "head"], ["raw"], "/visual/head"),
        helper.make_node("LpNormalization", ["raw"], ["embedding"], "/norm", axis=-1, p=2),
    ]
    given = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 3, 32, 24])
    found = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", DIM])
    stored = [numpy_helper.from_array(np.asarray(array), name) for name, array in tensors.items()]
    graph = helper.make_graph(nodes, "tower", [given], [found], stored)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


@pytest.fixture
def pictures() -> list[NDArray[np.float32]]:
    random = np.random.default_rng(1)
    return [random.uniform(-1, 1, (1, 3, 32, 24)).astype(np.float32) for _ in range(20)]


@pytest.fixture
def exact(tmp_path: Path) -> Path:
    path = tmp_path / "made" / "image.onnx"
    path.parent.mkdir()
    onnx.save(_tower(), path)
    return path


def _seen(path: Path, pictures: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    session = patient_session(path)
    return np.concatenate([session.run(None, {"pixels": each})[0] for each in pictures])


def test_it_sees_nearly_what_the_exact_tower_sees(
    exact: Path, pictures: list[NDArray[np.float32]]
) -> None:
    quantise_image_tower(exact, exact.with_name("image.int8.onnx"), pictures)
    wanted, found = _seen(exact, pictures), _seen(exact.with_name("image.int8.onnx"), pictures)
    assert not np.array_equal(wanted, found)
    # noise all looks alike: what tells one from another is compared, not what all have in common
    apart, rounded_apart = wanted - wanted.mean(axis=0), found - wanted.mean(axis=0)
    cosines = (apart * rounded_apart).sum(axis=1) / (
        np.linalg.norm(apart, axis=1) * np.linalg.norm(rounded_apart, axis=1)
    )
    assert cosines.min() > 0.9


def test_its_file_has_no_weights_of_its_own_and_may_move_with_the_other(
    exact: Path, pictures: list[NDArray[np.float32]], tmp_path: Path
) -> None:
    lighter = exact.with_name("image.int8.onnx")
    quantise_image_tower(exact, lighter, pictures)
    assert external_locations(lighter) == {"image.onnx"}
    own = onnx.load(lighter, load_external_data=False).graph.initializer
    stored = [each for each in own if not each.external_data]
    assert {each.name for each in own if each.external_data} == {"stem", "pw", "dw", "pwl", "head"}
    assert not [each.name for each in stored if len(each.dims) > 1]
    before = _seen(lighter, pictures)
    exact.parent.rename(tmp_path / "moved")
    assert np.array_equal(_seen(tmp_path / "moved" / "image.int8.onnx", pictures), before)


def test_a_corrected_bias_gives_back_what_rounding_takes_on_average(
    pictures: list[NDArray[np.float32]],
) -> None:
    model = _tower()
    seen = observe(model, pictures)
    before = {each.name: numpy_helper.to_array(each).copy() for each in model.graph.initializer}
    correct_biases(model, seen)
    after = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}
    mean = seen["dw.o.clip"].mean
    wanted = before["pwl"][:, :, 0, 0] @ mean + before["pwl.bias"]
    plain = rounded(before["pwl"])[:, :, 0, 0] @ mean
    assert np.allclose(plain + after["pwl.bias"], wanted, atol=1e-5)
    assert not np.allclose(plain + before["pwl.bias"], wanted, atol=1e-4)
    assert np.array_equal(after["stem.bias"], before["stem.bias"])
    assert all(np.isfinite(each).all() for each in after.values())


def test_weights_are_rounded_as_the_file_rounds_them(
    exact: Path, pictures: list[NDArray[np.float32]]
) -> None:
    lighter = exact.with_name("image.int8.onnx")
    quantise_image_tower(exact, lighter, pictures)
    own = {each.name: each for each in onnx.load(lighter).graph.initializer}
    for name in ("pw", "dw", "pwl"):
        weights = numpy_helper.to_array(own[name])
        scale = numpy_helper.to_array(own[f"{name}_scale"]).reshape(-1, 1, 1, 1)
        assert np.allclose(np.rint(weights / scale) * scale, rounded(weights), atol=1e-6)


def test_a_tower_with_nothing_to_round_is_refused(
    tmp_path: Path, pictures: list[NDArray[np.float32]]
) -> None:
    folder = write_tiny_folder(tmp_path / "tower")
    with pytest.raises(ValueError, match="no convolution"):
        quantise_image_tower(folder / "image.onnx", folder / "image.int8.onnx", pictures)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_rounded_tower_that_sees_something_else_is_not_written(exact: Path) -> None:
    lighter = exact.with_name("image.int8.onnx")
    with pytest.raises(ExportDiffers):
        quantise_image_tower(exact, lighter, [np.full((1, 3, 32, 24), np.nan, np.float32)])
    assert not lighter.exists()


def test_a_folder_that_tells_of_another_file_is_refused(tmp_path: Path) -> None:
    folder = write_tiny_folder(tmp_path / "tower")
    content = bytearray((folder / "image.onnx").read_bytes())
    content[-1] ^= 1
    (folder / "image.onnx").write_bytes(content)
    with pytest.raises(ValueError, match=r"not the one that tower\.json tells of"):
        add_int8(folder, tmp_path)


def test_a_range_leaves_out_an_outlier_that_costs_more_than_it_tells() -> None:
    values = np.append(np.random.default_rng(0).uniform(0, 2, 1_000_000), 4).astype(np.float32)
    low, high = Observed(values, 0.0, 4.0, np.zeros(1)).bounds()
    assert low == 0
    assert 1.9 < high < 2.2


def test_ranges_have_zero_in_them(pictures: list[NDArray[np.float32]]) -> None:
    seen = observe(_tower(), pictures)
    low, high = seen["pw.o.clip"].bounds()
    assert low == 0
    assert 0 < high <= seen["pw.o.clip"].high <= 6
    low, high = seen["pwl.o"].bounds()
    assert low < 0 < high


def test_a_tensor_of_nothing_but_zeros_has_a_range() -> None:
    nothing = np.zeros(10, np.float32)
    assert Observed(nothing, 0.0, 0.0, np.zeros(1)).bounds() == (0.0, 1.0)


def test_a_folder_with_it_is_the_same_tower_at_another_precision(tmp_path: Path) -> None:
    folder = write_tiny_folder(tmp_path / "tower")
    onnx.save(_tower(), folder / "image.onnx")
    describe(folder, ("image.onnx", "text.onnx", "vocab.txt"))
    before = load_towers(str(folder), tmp_path).identity
    for table in ("flickr8k", "imagenet_sample"):
        (tmp_path / table).mkdir()
        rows = ["filepath,title,split"]
        for number in range(5):
            name = f"{table}/{number}.png"
            Image.new("RGB", (40, 30), (50 * number, 90, 200 - 40 * number)).save(tmp_path / name)
            rows.append(f"{name},a square,{'train' if number else 'dev'}")
        (tmp_path / f"{table}.csv").write_text("\n".join(rows) + "\n")
    add_int8(folder, tmp_path)
    pair = load_towers(str(folder), tmp_path, TowerOptions("int8"))
    assert (pair.identity.digest, pair.identity.precision) == (before.digest, "int8")
    assert load_towers(str(folder), tmp_path).identity == before
    add_int8(folder, tmp_path)  # once more, over the file that is there
    assert load_towers(str(folder), tmp_path).identity == before
