"""A folder of two random ONNX towers with the interface of the built-in ones, made in a moment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from clipsearch.towers.folder import file_entry

DIM = 16
PIECES = [
    "[PAD]", "[UNK]", "[CLS]", "[SEP]",
    *"abcdefghijklmnopqrstuvwxyz0123456789.,!?'",
    *(f"##{letter}" for letter in "abcdefghijklmnopqrstuvwxyz0123456789"),
    "dog", "cat", "beach", "photo", "##ing", "red", "of", "the", "on",
]  # fmt: skip


def write_tiny_folder(folder: Path, seed: int = 0, **changes: Any) -> Path:
    """Write image.onnx, text.onnx, vocab.txt and tower.json; `changes` go into tower.json."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    onnx.save(image_model(random.normal(size=(3, DIM))), folder / "image.onnx")
    table = random.normal(size=(len(PIECES), DIM))
    onnx.save(text_model(table, random.normal(size=(DIM, DIM))), folder / "text.onnx")
    (folder / "vocab.txt").write_text("\n".join(PIECES) + "\n", encoding="utf-8")
    describe(folder, ("image.onnx", "text.onnx", "vocab.txt"), **changes)
    return folder


def write_int8_folder(folder: Path) -> Path:
    """The same with an image.int8.onnx that says what image.onnx says."""
    write_tiny_folder(folder)
    (folder / "image.int8.onnx").write_bytes((folder / "image.onnx").read_bytes())
    describe(folder, ("image.onnx", "image.int8.onnx", "text.onnx", "vocab.txt"))
    return folder


def describe(folder: Path, names: tuple[str, ...], **changes: Any) -> None:
    """Write the tower.json of the files that stand in the folder."""
    entries = {name: file_entry(folder / name) for name in names}
    described = {
        "format": 1,
        "name": "tiny-1",
        "dim": DIM,
        "preprocessing": {
            "size": [32, 24],
            "mode": "squash",
            "interpolation": "bilinear",
            "mean": [0.5, 0.4, 0.3],
            "std": [0.2, 0.3, 0.4],
        },
        "text": {"tokenizer": "vocab.txt", "max_tokens": 16, "languages": ["en"]},
        "logit_scale": 25.0,
        "files": {
            name: {"bytes": entry.bytes, "sha256": entry.sha256} for name, entry in entries.items()
        },
    }
    (folder / "tower.json").write_text(json.dumps(described | changes))


def image_model(weights: np.ndarray[Any, Any], *, unit: bool = True) -> onnx.ModelProto:
    """Mean colour times weights [3, dim]."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["pixels"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["raw"]),
        *_finish(unit),
    ]
    given = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 3, "h", "w"])
    return _model(nodes, [given], {"weights": weights.astype(np.float32)})


def text_model(
    table: np.ndarray[Any, Any], weights: np.ndarray[Any, Any], *, unit: bool = True
) -> onnx.ModelProto:
    """Mean of the rows of a table [pieces, dim] under the mask, times weights [dim, dim]."""
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["rows"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["wide"]),
        helper.make_node("Mul", ["rows", "wide"], ["masked"]),
        helper.make_node("ReduceMean", ["masked", "middle"], ["pooled"], keepdims=0),
        helper.make_node("MatMul", ["pooled", "weights"], ["raw"]),
        *_finish(unit),
    ]
    given = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["n", "t"])
        for name in ("input_ids", "attention_mask")
    ]
    constants: dict[str, np.ndarray[Any, Any]] = {
        "table": table.astype(np.float32),
        "weights": weights.astype(np.float32),
        "last": np.array([2], np.int64),
        "middle": np.array([1], np.int64),
    }
    return _model(nodes, given, constants)


def _finish(unit: bool) -> list[onnx.NodeProto]:
    if unit:
        return [helper.make_node("LpNormalization", ["raw"], ["embedding"], axis=-1, p=2)]
    return [helper.make_node("Identity", ["raw"], ["embedding"])]


def _model(
    nodes: list[onnx.NodeProto],
    given: list[onnx.ValueInfoProto],
    constants: dict[str, np.ndarray[Any, Any]],
) -> onnx.ModelProto:
    found = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", DIM])
    tensors = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "tower", given, [found], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
