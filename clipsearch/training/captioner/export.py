"""The trained decoder as two ONNX graphs: one looks at a picture, one says the next word."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from clipsearch.training.captioner.decoder import Cache, CaptionDecoder
from clipsearch.training.durable_files import written_durably

OPSET = 18
SMALL = 1024
"""Tensors of fewer numbers stay float32: norms and biases."""
Axes = Mapping[str, Mapping[int, str]]


class Look(nn.Module):
    """Embeddings [n, dim] and places [n, p, channels] to keys and values [layers, n, h, t, w]."""

    def __init__(self, decoder: CaptionDecoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, embeddings: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
        """Project everything that the words will attend to."""
        looked = self.decoder.look(self.decoder.memory(embeddings, places))
        return torch.stack([key for key, _ in looked]), torch.stack([value for _, value in looked])


class Step(nn.Module):
    """One more token [n, k] to log-probabilities [n, k, vocabulary] and longer keys and values."""

    def __init__(self, decoder: CaptionDecoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(
        self, tokens: Tensor, keys: Tensor, values: Tensor, seen_keys: Tensor, seen_values: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """All keys and values have the layer as their first axis."""
        layers = range(self.decoder.shape.layers)
        cache = Cache(tuple(keys[at] for at in layers), tuple(values[at] for at in layers))
        seen = [(seen_keys[at], seen_values[at]) for at in layers]
        logits, longer = self.decoder.step(tokens, cache, seen)
        return logits.log_softmax(-1), torch.stack(longer.keys), torch.stack(longer.values)


def export_decoder(decoder: CaptionDecoder, look: Path, step: Path) -> None:
    """Write both graphs; large matrices are stored as float16 and calculated as float32."""
    decoder.eval()
    shape = decoder.shape
    size = shape.width // shape.heads
    sights = torch.randn(2, shape.dim), torch.rand(2, shape.places, shape.channels)
    said = torch.randn(shape.layers, 6, shape.heads, 3, size)
    seen = torch.randn(shape.layers, 2, shape.heads, shape.places + 1, size)
    given = torch.zeros(2, 3, dtype=torch.int64), said, said.clone(), seen, seen.clone()
    pictures, captions = {0: "n"}, {1: "captions", 3: "steps"}
    looked: Axes = {name: {1: "n"} for name in ("seen_keys", "seen_values")}
    _write(
        Look(decoder),
        sights,
        look,
        (("embeddings", "places"), ("seen_keys", "seen_values")),
        {"embeddings": pictures, "places": pictures, **looked},
    )
    _write(
        Step(decoder),
        given,
        step,
        (
            ("tokens", "keys", "values", "seen_keys", "seen_values"),
            ("logs", "new_keys", "new_values"),
        ),
        {
            "tokens": {0: "n", 1: "k"},
            "logs": {0: "n", 1: "k"},
            **dict.fromkeys(("keys", "values", "new_keys", "new_values"), captions),
            **looked,
        },
    )


def _write(
    module: nn.Module,
    given: tuple[Tensor, ...],
    target: Path,
    names: tuple[tuple[str, ...], tuple[str, ...]],
    axes: Axes,
) -> None:
    with written_durably(target) as unfinished:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a tracer that will go, which no user can heed
            torch.onnx.export(
                module.eval(),
                given,
                str(unfinished),
                input_names=list(names[0]),
                output_names=list(names[1]),
                dynamic_axes={name: dict(axis) for name, axis in axes.items()},
                opset_version=OPSET,
                dynamo=False,
            )
        model = onnx.load(str(unfinished))
        halve(model)
        onnx.checker.check_model(model)
        onnx.save(model, str(unfinished))


def halve(model: onnx.ModelProto) -> None:
    """Store the large float32 tensors as float16, each with a cast back: half the file."""
    graph = model.graph
    casts = []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < SMALL:
            continue
        name = tensor.name
        short = numpy_helper.to_array(tensor).astype(np.float16)
        tensor.CopyFrom(numpy_helper.from_array(short, f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    nodes = list(graph.node)
    del graph.node[:]
    graph.node.extend([*casts, *nodes])
