"""The built-in image tower with int8 convolutions, made from its ONNX file and some pictures.

    python -m clipsearch.training.int8_image --data DIR --tower DIR

Weights are rounded a scale a channel, activations a scale a tensor that these pictures set. What
ships is small: the file reads its weights out of image.onnx and ONNX Runtime rounds them when it
opens it. The method is that of Nagel et al. 2021 (A White Paper on Neural Network Quantization):
ranges of least squared error, and biases corrected by what rounding the weights shifts on average.
"""

import argparse
import json
import logging
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_static,
)

from clipsearch.durable import write_durably
from clipsearch.images.picture import decode_picture
from clipsearch.towers.export import entries_to_json
from clipsearch.towers.folder import DESCRIPTION, IMAGE, IMAGE_INT8, file_entry, read_tower_folder
from clipsearch.towers.image_models import Normalised, normalised
from clipsearch.training.activations import patient_session
from clipsearch.training.durable_files import written_durably
from clipsearch.training.export_check import LEAST_COSINE, ExportDiffers
from clipsearch.training.pairs import read_encoded, read_examples
from clipsearch.values import Preprocessing

TABLES = ("flickr8k", "imagenet_sample")
PICTURES = 100
"""From each table, spread evenly over its train split."""

TRUNK = "/visual/trunk/"
# They see the pixels, and what they lose is lost for all that follows: rounded, too, they cost
# three neighbours more of a hundred. They take a seventh of the time either way.
KEPT_EXACT = ("/conv_stem/", "/trunk/bn1/", "/blocks/blocks.0/")
_KINDS = ("Conv", "Clip", "Add")
_LEVELS, _LARGEST = 255, 127
_VALUES_OF_EACH = 2000  # of a tensor, from each picture
_SHARES = np.linspace(0.3, 1.0, 29)  # of the range seen
_WORTH_SHARING = 1024  # bytes
_ROUNDED = "_quantized"  # the quantiser's ending


@dataclass(frozen=True)
class Observed:
    """What pictures make of a tensor: values drawn, the extremes, the mean of each channel."""

    values: NDArray[np.float32]
    low: float
    high: float
    mean: NDArray[np.float64]

    def bounds(self) -> tuple[float, float]:
        """The share of the range seen, 0 in it, that 256 levels lose least with, squared."""
        low, high = min(self.low, 0.0), max(self.high, 0.0)
        if low == high:  # of nothing but zeros
            return 0.0, 1.0
        return min(
            ((share * low, share * high) for share in _SHARES),
            key=lambda bounds: _squared_error(self.values, *bounds),
        )


def quantise_image_tower(exact: Path, target: Path, pictures: Iterable[Normalised]) -> None:
    """Write `target` beside `exact`, whose weights it reads: `pixels` to `embedding`, int8.

    `pictures` are [1, 3, h, w] each. Raises ValueError for a tower with nothing to round,
    ExportDiffers, and writes nothing, if the rounded one sees something else in them.
    """
    model, pictures = onnx.load(exact), list(pictures)
    exempt = [node.name for node in model.graph.node if not _is_quantised(node)]
    if len(exempt) == len(model.graph.node):
        raise ValueError(f"{exact} has no convolution under {TRUNK} to round")
    observed = observe(model, pictures)
    correct_biases(model, observed)
    with tempfile.TemporaryDirectory() as scratch:
        corrected, whole = Path(scratch) / "corrected.onnx", Path(scratch) / "whole.onnx"
        onnx.save(model, corrected)
        quantize_static(
            corrected,
            whole,
            _OnePicture(model),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(_KINDS),
            nodes_to_exclude=exempt,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            extra_options={"TensorQuantOverrides": _overrides(observed)},
        )
        quantised = onnx.load(whole)
    share_weights(quantised, exact)
    with written_durably(target) as unfinished:
        onnx.save(quantised, unfinished)
        _refuse_another(exact, unfinished, pictures)


def _overrides(observed: Mapping[str, Observed]) -> dict[str, Any]:
    """The quantiser's word for bounds that are given, by tensor."""
    found = {}
    for name, each in observed.items():
        low, high = map(np.float32, each.bounds())
        found[name] = [{"quant_type": QuantType.QUInt8, "rmin": low, "rmax": high}]
    return found


def _refuse_another(exact: Path, rounded_tower: Path, pictures: Sequence[Normalised]) -> None:
    """Raise ExportDiffers unless the two see the same in pictures, to a mean cosine of 0.95."""
    one, other = patient_session(exact), patient_session(rounded_tower)
    cosines = [
        np.sum(one.run(None, {"pixels": each})[0] * other.run(None, {"pixels": each})[0])
        for each in pictures
    ]
    if not np.mean(cosines) > LEAST_COSINE:
        raise ExportDiffers(rounded_tower, 1.0 - float(np.mean(cosines)))


def observe(model: onnx.ModelProto, pictures: Iterable[Normalised]) -> dict[str, Observed]:
    """Run pictures through the model: what they make of each tensor that is to be rounded."""
    nodes = [node for node in model.graph.node if _is_quantised(node)]
    names = list(dict.fromkeys(name for node in nodes for name in (*_seen_by(node), *node.output)))
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    for name in names:
        watched.graph.output.append(helper.make_empty_tensor_value_info(name))
    session = patient_session(watched.SerializeToString())
    random = np.random.default_rng(0)
    drawn: dict[str, list[NDArray[np.float32]]] = {name: [] for name in names}
    means: dict[str, list[NDArray[np.float64]]] = {name: [] for name in names}
    low, high = dict.fromkeys(names, np.inf), dict.fromkeys(names, -np.inf)
    for picture in pictures:
        for name, found in zip(names, session.run(names, {"pixels": picture}), strict=True):
            flat = found.ravel()
            drawn[name].append(random.choice(flat, min(_VALUES_OF_EACH, flat.size), replace=False))
            means[name].append(found.mean(axis=(0, 2, 3), dtype=np.float64))
            low[name] = min(low[name], float(flat.min()))
            high[name] = max(high[name], float(flat.max()))
    return {
        name: Observed(
            np.concatenate(drawn[name]), low[name], high[name], np.mean(means[name], axis=0)
        )
        for name in names
    }


def correct_biases(model: onnx.ModelProto, observed: Mapping[str, Observed]) -> None:
    """Give each rounded convolution's bias what rounding its weights takes from its mean."""
    stored = {each.name: each for each in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type != "Conv" or not _is_quantised(node):
            continue
        given, weights, bias = node.input
        exact = numpy_helper.to_array(stored[weights])
        lost = (exact - rounded(exact)).sum(axis=(2, 3), dtype=np.float64)
        mean = observed[given].mean
        by_channel = lost.shape[1] == 1 and len(lost) == len(mean)
        shift = lost[:, 0] * mean if by_channel else lost @ mean
        corrected = numpy_helper.to_array(stored[bias]) + shift
        stored[bias].CopyFrom(numpy_helper.from_array(corrected.astype(np.float32), bias))


def rounded(weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Weights [out, ...] as int8 with a scale for each of `out` holds them."""
    largest = np.abs(weights).max(axis=tuple(range(1, weights.ndim)), keepdims=True)
    scale = np.where(largest > 0, largest / _LARGEST, 1)
    return np.asarray(np.rint(weights / scale) * scale, np.float32)


def share_weights(quantised: onnx.ModelProto, exact: Path) -> None:
    """Read weights out of the file of the exact tower, and round them when the model is opened.

    Weights that the quantiser stored as int8 become a QuantizeLinear of what `exact` holds.
    """
    graph = quantised.graph
    content = exact.read_bytes()
    originals = {each.name: each for each in onnx.load(exact).graph.initializer}
    kept, shared, rounding = [], set(), []
    for each in graph.initializer:
        name = each.name.removesuffix(_ROUNDED)
        original = originals.get(name)
        if original is not None and each.name != name and len(original.dims) > 1:
            given = [name, f"{name}_scale", f"{name}_zero_point"]
            rounding.append(helper.make_node("QuantizeLinear", given, [each.name], axis=0))
            shared.add(name)
        elif each == original and len(each.raw_data) >= _WORTH_SHARING:
            shared.add(name)
        else:
            kept.append(each)
    kept += [_reference(originals[name], content, exact.name) for name in sorted(shared)]
    nodes = [*rounding, *graph.node]
    used = {name for node in nodes for name in node.input}
    # the clips that rounding has replaced leave their bounds behind
    nodes = [node for node in nodes if node.op_type != "Constant" or node.output[0] in used]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend(each for each in kept if each.name in used)


def _reference(tensor: onnx.TensorProto, content: bytes, location: str) -> onnx.TensorProto:
    """The tensor as an extent of a file that holds the same bytes.

    It begins where it lies, which need be no multiple of 4: ONNX Runtime reads it with loads that
    do not mind (tried with 1.32).
    """
    offset = content.index(tensor.raw_data)
    found = onnx.TensorProto(name=tensor.name, dims=tensor.dims, data_type=tensor.data_type)
    found.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (
        ("location", location),
        ("offset", offset),
        ("length", len(tensor.raw_data)),
    ):
        found.external_data.add(key=key, value=str(value))
    return found


def _is_quantised(node: onnx.NodeProto) -> bool:
    inside = node.name.startswith(TRUNK) and not any(part in node.name for part in KEPT_EXACT)
    return inside and node.op_type in _KINDS


def _seen_by(node: onnx.NodeProto) -> list[str]:
    """What a node takes of the pictures, weights left out."""
    return list(node.input) if node.op_type == "Add" else [node.input[0]]


def _squared_error(values: NDArray[np.float32], low: float, high: float) -> float:
    step = (high - low) / _LEVELS
    zero = round(-low / step)
    held = (np.clip(np.rint(values / step) + zero, 0, _LEVELS) - zero) * step
    return float(np.mean((held - values) ** 2))


class _OnePicture(CalibrationDataReader):  # type: ignore[misc]  # it has no types
    """The quantiser wants to look at pictures itself; our ranges replace what it finds."""

    def __init__(self, model: onnx.ModelProto) -> None:
        _, channels, height, width = (
            each.dim_value for each in model.graph.input[0].type.tensor_type.shape.dim
        )
        grey = np.zeros((1, channels, height, width), np.float32)
        self._left: Iterator[dict[str, Any]] = iter([{"pixels": grey}])

    def get_next(self) -> dict[str, Any]:
        return next(self._left, {})


def train_pictures(data: Path, preprocessing: Preprocessing) -> Iterator[Normalised]:
    """Yield pictures of the train splits as the tower takes them, [1, 3, h, w]."""
    for table in TABLES:
        examples = read_examples(data / f"{table}.csv", "train")
        spread = np.linspace(0, len(examples) - 1, min(PICTURES, len(examples))).astype(int)
        for encoded in read_encoded(data, (examples[place].image for place in spread)):
            pixels = decode_picture(encoded, preprocessing).pixels
            yield normalised(pixels[np.newaxis], preprocessing)


def add_int8(tower: Path, data: Path) -> None:
    """Put image.int8.onnx into a tower's folder; its embeddings stay those of the same tower.

    They depend on the file, and a collection tells towers apart by the weights alone: once a
    tower is released, its file is not made anew under the same number. Raises ValueError for a
    folder whose image.onnx is not the one that it was described with.
    """
    folder = read_tower_folder(tower)
    if folder.weights.get(IMAGE, folder.files[IMAGE]) != file_entry(tower / IMAGE):
        raise ValueError(f"{tower / IMAGE} is not the one that {DESCRIPTION} tells of")
    pictures = train_pictures(data, folder.preprocessing)
    quantise_image_tower(tower / IMAGE, tower / IMAGE_INT8, pictures)
    described = json.loads((tower / DESCRIPTION).read_bytes())
    own = {name: entry for name, entry in folder.files.items() if name != IMAGE_INT8}
    weights = folder.weights or own
    files = {**folder.files, IMAGE_INT8: file_entry(tower / IMAGE_INT8)}
    described |= {"files": entries_to_json(files), "weights": entries_to_json(weights)}
    write_durably(tower / DESCRIPTION, (json.dumps(described, indent=2) + "\n").encode())


def main() -> None:
    """Quantise the image tower of a folder."""
    logging.basicConfig(level=logging.ERROR)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="flickr8k.csv, .tar and so on")
    parser.add_argument("--tower", type=Path, required=True, help="the folder of a built-in tower")
    arguments = parser.parse_args()
    add_int8(arguments.tower, arguments.data)


if __name__ == "__main__":
    main()
