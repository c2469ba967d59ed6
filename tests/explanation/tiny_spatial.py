"""A small exported tower that averages over places, written with onnx."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from towers.tiny_folder import DIM, describe, write_tiny_folder

CHANNELS = 6


def write_spatial_folder(folder: Path, *, hidden: bool = False, named: bool = False) -> Path:
    """A tiny tower whose image side is convolution, average, linear map, unit length.

    `hidden` puts a layer with a bend between average and map; `named` declares the activations
    before the average as an output, `regions`.
    """
    write_tiny_folder(folder)
    random = np.random.default_rng(3)
    constants = {
        "kernel": random.normal(size=(CHANNELS, 3, 8, 8)),
        "first": random.normal(size=(CHANNELS, CHANNELS)),
        "map": random.normal(size=(CHANNELS, DIM)),
        "bias": random.normal(size=DIM),
    }
    bend = [
        helper.make_node("MatMul", ["flat", "first"], ["bent"]),
        helper.make_node("Tanh", ["bent"], ["ready"]),
    ]
    nodes = [
        helper.make_node("Conv", ["pixels", "kernel"], ["seen"], strides=[8, 8]),
        helper.make_node("Relu", ["seen"], ["regions"]),
        helper.make_node("GlobalAveragePool", ["regions"], ["average"]),
        helper.make_node("Flatten", ["average"], ["flat"]),
        *(bend if hidden else [helper.make_node("Identity", ["flat"], ["ready"])]),
        helper.make_node("Gemm", ["ready", "map", "bias"], ["raw"]),
        helper.make_node("LpNormalization", ["raw"], ["embedding"], axis=-1, p=2),
    ]
    outputs = [_floats("embedding", ["n", DIM])]
    if named:
        outputs.append(_floats("regions", ["n", CHANNELS, "rows", "columns"]))
    tensors = [
        numpy_helper.from_array(array.astype(np.float32), name) for name, array in constants.items()
    ]
    given = _floats("pixels", ["n", 3, "h", "w"])
    graph = helper.make_graph(nodes, "tower", [given], outputs, tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(model, folder / "image.onnx")
    describe(folder, ("image.onnx", "text.onnx", "vocab.txt"))
    return folder


def _floats(name: str, shape: list[str | int]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
