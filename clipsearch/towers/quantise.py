"""Adds int8 weights to a cached export, on request."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from clipsearch.durable import sync_file, write_durably
from clipsearch.errors import ExtraMissing, PrecisionRefused
from clipsearch.towers.export import entries_to_json
from clipsearch.towers.folder import (
    DESCRIPTION,
    IMAGE,
    IMAGE_INT8,
    TEXT,
    TEXT_INT8,
    TowerFolder,
    file_entry,
    read_tower_folder,
)

MOST_CONVOLUTIONS = 2


def with_int8(folder: TowerFolder) -> TowerFolder:
    """The folder with image.int8.onnx and text.int8.onnx, made now if they are not there.

    Weights become 7-bit integers by column, activations are scaled as they come (ONNX Runtime's
    dynamic quantisation). Raises PrecisionRefused for convolutional image towers, which that
    makes many times slower, ExtraMissing without the onnx package.
    """
    if IMAGE_INT8 in folder.files:
        return folder
    _refuse_convolutional(folder)
    for name, int8, kinds in (
        (IMAGE, IMAGE_INT8, ["MatMul"]),
        (TEXT, TEXT_INT8, ["MatMul", "Gather"]),
    ):
        _quantise(folder.path / name, folder.path / int8, kinds)
    described = json.loads((folder.path / DESCRIPTION).read_bytes())
    new = {name: file_entry(folder.path / name) for name in (IMAGE_INT8, TEXT_INT8)}
    described["files"] |= entries_to_json(new)
    write_durably(folder.path / DESCRIPTION, json.dumps(described, indent=1).encode())
    return read_tower_folder(folder.path)


def _refuse_convolutional(folder: TowerFolder) -> None:
    """A ViT has one convolution, which cuts the picture into patches."""
    onnx = _import_onnx()
    graph = onnx.load(str(folder.path / IMAGE), load_external_data=False).graph
    convolutions = sum(node.op_type == "Conv" for node in graph.node)
    if convolutions > MOST_CONVOLUTIONS:
        reason = (
            f"its image tower has {convolutions} convolutions, which dynamic int8 makes many "
            "times slower"
        )
        raise PrecisionRefused(folder.name, "int8", reason)


def _quantise(source: Path, target: Path, kinds: list[str]) -> None:
    _import_onnx()
    from onnxruntime.quantization import QuantType, quantize_dynamic

    unfinished = target.with_name(f".{target.name}.unfinished")
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)  # it advises pre-processing on the root logger
    try:
        # Seven bits of eight: without VNNI, products of eight bits overflow 16-bit sums, and
        # embeddings would depend on the processor.
        quantize_dynamic(
            source,
            unfinished,
            op_types_to_quantize=kinds,
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
            use_external_data_format=source.stat().st_size > 2**30,
        )
    finally:
        logging.disable(before)
    sync_file(unfinished)
    unfinished.replace(target)


def _import_onnx() -> Any:
    try:
        import onnx
    except ImportError as error:
        raise ExtraMissing("torch", "quantising a tower to int8") from error
    return onnx
