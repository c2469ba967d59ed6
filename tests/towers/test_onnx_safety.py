"""ONNX files that would read outside their folder are refused before a runtime opens them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from towers.tiny_folder import DIM, describe, write_tiny_folder

from clipsearch.errors import TowerUnsafe
from clipsearch.towers import load_towers, usable
from clipsearch.towers.onnx_safety import external_locations

FILES = ("image.onnx", "text.onnx", "vocab.txt")


def point_outside(model: Path, location: str) -> None:
    """Let the first weights of a model lie in another file."""
    proto = onnx.load(model)
    _external(proto.graph.initializer[0], location)
    onnx.save(proto, model)


def _external(tensor: onnx.TensorProto, location: str) -> None:
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    del tensor.external_data[:]
    tensor.external_data.add(key="location", value=location)
    tensor.external_data.add(key="length", value=str(3 * DIM * 4))


@pytest.mark.parametrize(
    "location", ["../../etc/passwd", "/etc/passwd", "elsewhere.bin", "./image.onnx", ""]
)
def test_weights_at_any_other_place_are_refused(location: str, tmp_path: Path) -> None:
    folder = write_tiny_folder(tmp_path / "tower")
    point_outside(folder / "image.onnx", location)
    describe(folder, FILES)
    with pytest.raises(TowerUnsafe, match="outside its folder"):
        load_towers(str(folder), tmp_path)


def test_weights_behind_a_link_are_refused(tmp_path: Path) -> None:
    folder = write_tiny_folder(tmp_path / "tower")
    (tmp_path / "secret").write_bytes(b"x" * 3 * DIM * 4)
    (folder / "weights.bin").symlink_to(tmp_path / "secret")
    point_outside(folder / "image.onnx", "weights.bin")
    describe(folder, (*FILES, "weights.bin"))
    with pytest.raises(TowerUnsafe, match="symbolic link"):
        load_towers(str(folder), tmp_path)


def test_weights_in_a_listed_file_of_the_folder_are_read(tmp_path: Path) -> None:
    folder = write_tiny_folder(tmp_path / "tower")
    values = np.random.default_rng(0).normal(size=(3, DIM)).astype(np.float32)
    (folder / "weights.bin").write_bytes(values.tobytes())
    point_outside(folder / "image.onnx", "weights.bin")
    describe(folder, (*FILES, "weights.bin"))
    rows = load_towers(str(folder), tmp_path).embed_images(np.full((1, 32, 24, 3), 9, np.uint8))
    assert usable(rows).all()


def test_weights_hidden_in_inner_graphs_attributes_and_functions_are_found(tmp_path: Path) -> None:
    def tensor(location: str) -> onnx.TensorProto:
        made = helper.make_tensor("w", TensorProto.FLOAT, [1], [0.0])
        _external(made, location)
        return made

    inner = helper.make_graph([], "inner", [], [], [tensor("in-graph")])
    nodes = [
        helper.make_node("Constant", [], ["c"], value=tensor("in-attribute")),
        helper.make_node("If", ["c"], ["d"], then_branch=inner, else_branch=inner),
    ]
    hidden = [helper.make_node("Constant", [], ["e"], value=tensor("in-function"))]
    function = helper.make_function("ours", "F", [], ["e"], hidden, [])
    model = helper.make_model(helper.make_graph(nodes, "outer", [], []), functions=[function])
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    found = external_locations(tmp_path / "m.onnx")
    assert found == {"in-graph", "in-attribute", "in-function"}


@pytest.mark.parametrize("content", [b"\xff" * 40, b"\x3a\x7f", b"\x0b", b"\x3a" + b"\xff" * 20])
def test_what_is_no_protobuf_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(content)
    with pytest.raises(TowerUnsafe, match="well-formed"):
        external_locations(tmp_path / "m.onnx")
